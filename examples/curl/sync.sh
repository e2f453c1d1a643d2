#!/usr/bin/env bash
# Keeps a copy of the accounts up to date with nothing but curl: first the whole list page by page, then the changes since.
# Also: upsert by an outside system's key, an idempotency key, and a stream for a browser, opened by a ticket.
# Usage: sync.sh [url [email [password]]]
set -euo pipefail
api=${1:-http://127.0.0.1:8080/graphql}
email=${2:-sales.rep@demo.example}
password=${3:-farley-demo-2026}

# field takes the last text value of a member out of JSON on one line; use a JSON parser in earnest.
field() { sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p"; }

ask() { # ask DOCUMENT [VARIABLES [curl's arguments …]]
  local document=${1//$'\n'/ }
  curl -sS --fail-with-body "$api" -H 'Content-Type: application/json' -H "Authorization: Bearer $token" "${@:3}" \
    -d "{\"query\": \"${document//\"/\\\"}\", \"variables\": ${2:-{\}}}"
}

expect() { # expect WHAT TEXT ANSWER
  if [[ $3 != *"$2"* ]]; then
    echo "FAIL  $1: no $2 in $3" >&2
    exit 1
  fi
  echo "ok    $1"
}

token=$(curl -sS "$api" -H 'Content-Type: application/json' -d '{
  "query": "mutation ($input: LoginInput!) { login(input: $input) { accessToken } }",
  "variables": {"input": {"email": "'"$email"'", "password": "'"$password"'"}}
}' | field accessToken)

# 1. The cursor first: whatever happens while the list is read comes again among the changes, and nothing is missed.
cursor=$(ask '{ changesCursor }' | field changesCursor)

# 2. The list, page by page.
after=null pages=0
while :; do
  page=$(ask 'query ($after: Cursor) { accounts(first: 20, after: $after) { nodes { id version name } pageInfo { hasNextPage endCursor } } }' "{\"after\": $after}")
  pages=$((pages + 1))
  [[ $page == *'"hasNextPage":true'* ]] || break
  after="\"$(field endCursor <<<"$page")\""
done
expect "the list has $pages pages" '"hasNextPage":false' "$page"

# 3. Something happens. Repeating it with the same key changes nothing; another request under the key is refused.
key="sync-$(date +%s%N)"
upsert='mutation ($ref: ExternalRefInput!) { upsertAccount(external: $ref, input: {name: "Al Noor Trading", employees: 240}, onDuplicate: ALLOW) { created account { id version } } }'
ref="{\"ref\": {\"system\": \"erp\", \"id\": \"$key\"}}"
expect 'upsert makes the account' '"created":true' "$(ask "$upsert" "$ref" -H "Idempotency-Key: $key")"
expect 'the same request again gives the same answer' '"created":true' "$(ask "$upsert" "$ref" -H "Idempotency-Key: $key")"
expect 'without the key it finds the account' '"created":false' "$(ask "$upsert" "$ref")"
expect 'another request under the key is refused' IDEMPOTENCY_MISMATCH "$(ask "${upsert/240/241}" "$ref" -H "Idempotency-Key: $key")"

# 4. What has changed since the cursor: apply it, keep endCursor, ask again while hasNextPage.
changes='query ($after: Cursor!) { changes(objects: [ACCOUNT], after: $after, first: 1000) { edges { node { op recordId version node { ... on Account { name } } } } pageInfo { hasNextPage endCursor } } }'
page=''
for _ in $(seq 50); do # a commit gets its place in the log a moment later
  page=$(ask "$changes" "{\"after\": \"$cursor\"}")
  [[ $page == *'"op":"CREATED"'* ]] && break
  sleep 0.1
done
expect 'the delta feed tells of it' '"op":"CREATED"' "$page"
cursor=$(field endCursor <<<"$page")
expect 'and is quiet behind its end' '"edges":[]' "$(ask "$changes" "{\"after\": \"$cursor\"}")"

# 5. A browser's EventSource cannot send headers: it opens the stream by a ticket, good once, for 30 seconds.
ticket=$(ask 'mutation { createStreamTicket { ticket } }' | field ticket)
stream() { curl -sSN --max-time "$1" --get "$api" -H 'Accept: text/event-stream' --data-urlencode 'query={ viewer { user { name } } }' --data-urlencode "ticket=$ticket" || true; }
expect 'a ticket opens a stream' 'event: next' "$(stream 5)"
expect 'a spent ticket opens none' UNAUTHENTICATED "$(stream 5)"
