#!/usr/bin/env bash
# A Galera cluster of three MariaDB nodes on this machine, for trying things out and for the tests of this folder. It needs
# Debian's mariadb-server, galera-4 and rsync, listens on 127.0.0.1 only, and keeps everything in a temporary folder. When
# standard input ends (Ctrl-D), or this script does, in whatever way, the nodes are killed and the folder is removed.
#
# Usage: cluster.sh
# Once the cluster is up it prints its folder and a line "node N PORT" for each node, then "ready". The user is root without a password,
# the database is called farley and is empty. Then it obeys lines on standard input, and answers each by one line, "ok …" or
# "failed …":
#   kill N    kill -9
#   start N   start it again, and wait until it is synced
#   stop N    SIGSTOP: it is there and does not move
#   cont N    SIGCONT
#   status    the state of each node
set -euo pipefail

server=$(command -v mariadbd || echo /usr/sbin/mariadbd)
provider=''
for candidate in "${FARLEY_GALERA_PROVIDER:-}" /usr/lib/galera/libgalera_smm.so /usr/lib64/galera-4/libgalera_smm.so; do
  if [[ -n $candidate && -e $candidate ]]; then provider=$candidate && break; fi
done
for need in "$server" mariadb mariadb-install-db rsync setpriv; do
  if ! command -v "$need" >/dev/null; then echo "missing $need" && exit 1; fi
done
if [[ -z $provider ]]; then echo 'missing libgalera_smm.so of galera-4' && exit 1; fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/farley-galera-XXXXXX")
declare -A pid=()

# What is at the other end of descriptor 9 notices the end of this script, even by kill -9, and removes the folder.
exec 9> >(
  trap '' INT TERM HUP
  exec >/dev/null 2>&1
  cat
  until rm -rf "$dir"; do sleep 0.1; done # the servers are still dying
)

# end kills what this script started and nothing else.
end() {
  for n in "${!pid[@]}"; do kill -9 "${pid[$n]}" 2>/dev/null || true; done
  wait "${pid[@]}" 2>/dev/null || true
  rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The nodes send each other files by rsync, whose server does not stay root: started by root, they run as the database's
# own user, as they do in earnest.
as=()
if ((EUID == 0)); then
  account=mysql
  id -u mysql >/dev/null 2>&1 || account=nobody
  as=(--reuid "$account" --regid "$(id -g "$account")" --clear-groups)
  chown "$account" "$dir"
fi

# Ports lie below those that the system gives to outgoing connections: one of these could take the place of a node that is
# away.
declare -A taken=()
free_port() { # free_port NAME sets the variable
  local candidate
  while :; do
    candidate=$((10000 + RANDOM % 20000))
    if [[ -z ${taken[$candidate]:-} ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; then break; fi
  done
  taken[$candidate]=1
  printf -v "$1" %s "$candidate"
}

for n in 1 2 3; do
  free_port "sql$n"
  free_port "group$n"
  free_port "ist$n"
  free_port "sst$n"
done
members="127.0.0.1:$group1,127.0.0.1:$group2,127.0.0.1:$group3"

# arguments N sets args to those of the node's server.
arguments() {
  local sql="sql$1" group="group$1" ist="ist$1" sst="sst$1"
  args=(
    --no-defaults --datadir="$dir/$1" --tmpdir="$dir" --socket="$dir/$1.socket" --pid-file="$dir/$1.pid"
    --bind-address=127.0.0.1 --port="${!sql}" --skip-name-resolve --max-connections=500 --performance-schema=OFF
    --key-buffer-size=1M --aria-pagecache-buffer-size=1M --innodb-buffer-pool-size=128M --innodb-log-file-size=32M
    # What is committed survives kill -9 in the system's memory; nobody pulls the plug here.
    --innodb-flush-log-at-trx-commit=2 --innodb-flush-method=nosync
    --binlog-format=ROW --default-storage-engine=InnoDB --innodb-autoinc-lock-mode=2
    --wsrep-on=ON --wsrep-provider="$provider" --wsrep-cluster-name=farley --wsrep-cluster-address="gcomm://$members"
    --wsrep-node-name="node$1" --wsrep-node-address="127.0.0.1:${!group}" --wsrep-node-incoming-address="127.0.0.1:${!sql}"
    --wsrep-slave-threads=4 --wsrep-sst-method=rsync --wsrep-sst-receive-address="127.0.0.1:${!sst}"
    --wsrep-provider-options="gmcast.listen_addr=tcp://127.0.0.1:${!group};ist.recv_addr=127.0.0.1:${!ist};gcache.size=64M;gcache.page_size=16M"
  )
}

ask() { # ask N STATEMENT
  local sql="sql$1"
  timeout 5 mariadb --no-defaults -h 127.0.0.1 -P "${!sql}" -u root --connect-timeout=2 -NBe "$2" 2>/dev/null
}

# launch N ARGUMENTS… starts the node's server. It dies with this script, even by kill -9.
launch() {
  local n=$1
  shift
  arguments "$n"
  setpriv "${as[@]}" --pdeathsig KILL "$server" "${args[@]}" "$@" >>"$dir/$n.log" 2>&1 </dev/null 9>&- &
  pid[$n]=$!
}

synced() { # synced N
  local n=$1 deadline=$((SECONDS + 60))
  until [[ $(ask "$n" "SHOW STATUS LIKE 'wsrep_local_state_comment'" || true) == *Synced ]]; do
    if ! kill -0 "${pid[$n]}" 2>/dev/null || ((SECONDS > deadline)); then return 1; fi
    sleep 0.1
  done
}

# quietly runs a step of the beginning, and shows what it said only when it fails.
quietly() { "$@" >"$dir/step.log" 2>&1 || { cat "$dir/step.log" "$dir"/?.log && exit 1; }; }

# The nodes begin with the same data, that of a cluster of one which ended well: then the second and third need no copy of
# the first's.
quietly setpriv "${as[@]}" mariadb-install-db --no-defaults --datadir="$dir/1" --auth-root-authentication-method=normal --skip-test-db \
  --innodb-log-file-size=32M
launch 1 --wsrep-new-cluster
quietly synced 1
quietly ask 1 'CREATE DATABASE farley CHARACTER SET utf8mb4'
kill "${pid[1]}"
wait "${pid[1]}"
rm -f "$dir/1/galera.cache" "$dir/1/gvwstate.dat"
cp -a "$dir/1" "$dir/2"
cp -a "$dir/1" "$dir/3"
launch 1 --wsrep-new-cluster
quietly synced 1
launch 2
launch 3
quietly synced 2
quietly synced 3

# restart N starts a node that was killed: where its data ends is in the data itself, and what the others did meanwhile is
# in their write-set caches.
restart() {
  local n=$1 position
  arguments "$n"
  timeout 60 setpriv "${as[@]}" --pdeathsig KILL "$server" "${args[@]}" --wsrep-recover --log-error="$dir/$n.recover.log" </dev/null >/dev/null 2>&1 || return 1
  position=$(sed -nE 's/.*WSREP: Recovered position:? *([0-9a-f-]+:-?[0-9]+).*/\1/p' "$dir/$n.recover.log" | tail -n 1)
  if [[ -z $position ]]; then return 1; fi
  launch "$n" "--wsrep-start-position=$position"
  synced "$n"
}

status() {
  local n
  for n in 1 2 3; do
    printf '%s: %s; ' "$n" "$(ask "$n" "SELECT GROUP_CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS
      WHERE VARIABLE_NAME IN ('wsrep_local_state_comment', 'wsrep_cluster_size', 'wsrep_local_cert_failures', 'wsrep_local_bf_aborts')" || echo away)"
  done
}

obey() { # obey COMMAND N
  local n=${2:-}
  if [[ $1 != status && ! $n =~ ^[123]$ ]]; then return 1; fi
  case $1 in
  kill)
    kill -9 "${pid[$n]}"
    wait "${pid[$n]}" 2>/dev/null || true
    ;;
  start) restart "$n" ;;
  stop) kill -STOP "${pid[$n]}" ;;
  cont) kill -CONT "${pid[$n]}" ;;
  status) status ;;
  *) return 1 ;;
  esac
}

echo "folder $dir"
for n in 1 2 3; do
  port="sql$n"
  echo "node $n ${!port}"
done
echo ready
while read -r command n; do
  # Not in a condition of &&: set -e would not hold inside either way, and obey returns what counts.
  if answer=$(mktemp "$dir/answer-XXXX") && obey "$command" "$n" >"$answer" 2>&1; then
    echo "ok $command $n $(tr '\n' ' ' <"$answer")"
  else
    echo "failed $command $n $(tr '\n' ' ' <"$answer") $(tail -n 5 "$dir/$n.log" 2>/dev/null | tr '\n' ' ')"
  fi
done
