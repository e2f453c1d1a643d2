// The page for trying queries: no library, nothing loaded from elsewhere, nothing stored.
'use strict';

const $ = (id) => document.getElementById(id);
const endpoint = new URL('graphql', location.href);
let stopRunning = null;

$('query').value = 'query Example {\n  __typename\n}\n';
$('variables').value = '{}';
$('headers').value = '{}';

function json(id) {
  const text = $(id).value.trim();
  return text === '' ? {} : JSON.parse(text);
}

function show(value) { $('result').textContent = typeof value === 'string' ? value : JSON.stringify(value, null, 2); }

function append(value) { $('result').textContent += JSON.stringify(value, null, 2) + '\n'; }

function status(text) { $('status').textContent = text; }

// operations finds the operations of the document, without strings and comments.
function operations(query) {
  const bare = query.replace(/"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"/g, '""').replace(/#.*/g, '');
  const found = [...bare.matchAll(/\b(query|mutation|subscription)\b\s*([_A-Za-z]\w*)?\s*[({@]/g)];
  return found.map((m) => ({ kind: m[1], name: m[2] || '' }));
}

function chosen() {
  const all = operations($('query').value);
  if (all.length < 2) return all[0] || { kind: 'query', name: '' };
  return all.find((o) => o.name === $('operation').value) || all[0];
}

function offerOperations() {
  const all = operations($('query').value).filter((o) => o.name);
  const select = $('operation');
  const before = select.value;
  select.replaceChildren(...all.map((o) => new Option(o.kind + ' ' + o.name, o.name)));
  select.hidden = all.length < 2;
  if (all.some((o) => o.name === before)) select.value = before;
}

async function post(body, headers, signal) {
  const begin = performance.now();
  const answer = await fetch(endpoint, {
    method: 'POST', signal,
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json;q=0.9', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  status(answer.status + ', ' + Math.round(performance.now() - begin) + ' ms, ' + text.length + ' characters');
  return JSON.parse(text);
}

// bySSE reads an event stream through fetch, which can send headers.
async function bySSE(body, headers, signal) {
  const answer = await fetch(endpoint, {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...headers },
    body: JSON.stringify(body),
  });
  if (!(answer.headers.get('Content-Type') || '').startsWith('text/event-stream')) {
    show(await answer.json());
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const data = event.split('\n').filter((l) => l.startsWith('data:')).map((l) => l.slice(5)).join('\n').trim();
      if (data) append(JSON.parse(data));
      if (/^event: ?complete/m.test(event)) return;
    }
  }
}

function bySocket(body, headers, signal) {
  return new Promise((resolve) => {
    const url = new URL(endpoint);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, 'graphql-transport-ws');
    const send = (m) => socket.send(JSON.stringify(m));
    signal.addEventListener('abort', () => socket.close(1000));
    socket.onopen = () => send({ type: 'connection_init', payload: headers });
    socket.onmessage = (e) => {
      const m = JSON.parse(e.data);
      if (m.type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: body });
      if (m.type === 'ping') send({ type: 'pong' });
      if (m.type === 'next' || m.type === 'error') append(m.payload);
      if (m.type === 'error' || m.type === 'complete') socket.close(1000);
    };
    socket.onclose = (e) => { status('closed: ' + e.code + ' ' + e.reason); resolve(); };
  });
}

async function run() {
  if (stopRunning) return;
  const abort = new AbortController();
  stopRunning = () => abort.abort();
  $('run').disabled = true;
  $('stop').disabled = false;
  status('…');
  try {
    const operation = chosen();
    const headers = json('headers');
    const body = { query: $('query').value, variables: json('variables') };
    if (operation.name) body.operationName = operation.name;
    if (operation.kind !== 'subscription') {
      show(await post(body, headers, abort.signal));
      return;
    }
    show('');
    status('subscribed');
    await ($('sse').checked ? bySSE : bySocket)(body, headers, abort.signal);
  } catch (err) {
    status(abort.signal.aborted ? 'stopped' : String(err));
  } finally {
    stopRunning = null;
    $('run').disabled = false;
    $('stop').disabled = true;
  }
}

const typeRef = 'kind name ofType { kind name ofType { kind name ofType { kind name } } }';
const schemaQuery = `query Schema { __schema { types { kind name description
  fields(includeDeprecated: true) { name description args { name type { ${typeRef} } } type { ${typeRef} } }
  inputFields { name description type { ${typeRef} } } enumValues { name description } } } }`;

function typeName(t) {
  if (t.kind === 'NON_NULL') return typeName(t.ofType) + '!';
  if (t.kind === 'LIST') return '[' + typeName(t.ofType) + ']';
  return t.name;
}

function line(text, className) {
  const div = document.createElement('div');
  div.className = className;
  div.textContent = text;
  return div;
}

function describe(type) {
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = type.kind.toLowerCase().replace('_', ' ') + ' ' + type.name;
  details.append(summary);
  details.addEventListener('toggle', () => {
    if (details.childElementCount > 1) return;
    if (type.description) details.append(line(type.description, 'note'));
    for (const f of [...(type.fields || []), ...(type.inputFields || [])]) {
      const args = (f.args || []).map((a) => a.name + ': ' + typeName(a.type)).join(', ');
      details.append(line(f.name + (args && '(' + args + ')') + ': ' + typeName(f.type), 'field'));
      if (f.description) details.append(line(f.description, 'note'));
    }
    for (const v of type.enumValues || []) details.append(line(v.name, 'field'));
  });
  return details;
}

async function loadDocs() {
  try {
    const answer = await post({ query: schemaQuery }, json('headers'));
    status('');
    if (!answer.data) { $('docs').textContent = answer.errors[0].message; return; }
    const types = answer.data.__schema.types.filter((t) => !t.name.startsWith('__'));
    const draw = () => {
      const wanted = $('search').value.toLowerCase();
      const names = (t) => [t.name, ...(t.fields || []).map((f) => f.name)];
      const hits = types.filter((t) => names(t).some((n) => n.toLowerCase().includes(wanted)));
      $('docs').replaceChildren(...hits.map(describe));
    };
    $('search').addEventListener('input', draw);
    draw();
  } catch (err) {
    $('docs').textContent = String(err);
  }
}

$('run').addEventListener('click', run);
$('stop').addEventListener('click', () => stopRunning && stopRunning());
$('query').addEventListener('input', offerOperations);
document.addEventListener('keydown', (e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) run(); });
loadDocs();
