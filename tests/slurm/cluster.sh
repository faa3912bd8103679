#!/usr/bin/env bash
# A throw-away Slurm cluster on one Linux machine, as long as one command runs.
#
#   tests/slurm/cluster.sh N COMMAND...   COMMAND runs on the login node of a cluster of N nodes (n1, n2, ...);
#                                         the cluster ends with it and passes its exit status on
#   tests/slurm/cluster.sh 4 bash         a shell in which sbatch, srun, squeue talk to four nodes
#
# and in COMMAND only:
#
#   tests/slurm/cluster.sh fail NODE      NODE loses network and power
#   tests/slurm/cluster.sh boot NODE      ... and comes back, with empty local disks
#
# Each node has its own host name, address, process tree and /dev/shm; a bridge joins them to the login node.
# All of it lives in private namespaces and on a tmpfs inside them: nothing is left on the machine, however the
# command ends, and the machine's own network is not touched. Files outside of /run are those of the machine.
#
# Needs root and slurm-wlm, munge, iproute2, util-linux; exit status 77 where it cannot work. From the environment:
# CPUS_PER_NODE (8), NODE_TIMEOUT (seconds until Slurm gives a silent node up, 10), CLUSTER_LOGS (a folder
# that gets Slurm's logs where COMMAND fails).
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
self=$(realpath "${BASH_SOURCE[0]}")
dir=/run/tutti-cluster    # exists only in a cluster's own mount namespace

die() { echo "cluster: $*" >&2; exit 3; }
cannot() { echo "cluster: skipped: $*" >&2; exit 77; }    # ctest knows this status

# --- outside ------------------------------------------------------------------------------------------

outside() {
    [[ $1 =~ ^[1-9][0-9]?$ && $# -ge 2 ]] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$self" >&2; exit 2; }
    [[ $EUID == 0 ]] || cannot "needs root"
    local tool
    for tool in munged slurmctld slurmd sbatch srun ip nsenter unshare setpriv; do
        command -v $tool >/dev/null || cannot "there is no $tool (scripts/tutti setup --tests)"
    done
    unshare --net --mount true 2>/dev/null || cannot "namespaces cannot be made here"
    # Everything inside ends with pid 1 there, and that with `unshare`, and that with this shell. Job control
    # is off, so the command stays in this process group and gets what the terminal sends.
    setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
        unshare --net --uts --mount --pid --fork --kill-child "$self" _login "$@" <&0 &
    local inside=$!
    # `unshare` itself blocks SIGTERM
    trap 'kill -KILL "$inside" 2>/dev/null || true' TERM HUP
    trap '' INT QUIT
    local status=0
    wait "$inside" || status=$?
    if kill -0 "$inside" 2>/dev/null; then wait "$inside" || true; fi    # after the trap
    exit "$status"
}

# --- the login node ------------------------------------------------------------------------------------

login() {
    local n=$1
    shift
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    mount -t tmpfs tmpfs /dev/shm
    configure "$n"
    mount --bind "$dir/hosts" /etc/hosts
    hostname login
    ip link set lo up
    ip link add br0 type bridge
    ip addr add 10.77.0.1/24 dev br0
    ip link set br0 up
    munged --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" --pid-file="$dir/munge/pid" \
        --seed-file="$dir/munge/seed" --log-file="$dir/log/munged.log"
    export SLURM_CONF=$dir/slurm.conf
    slurmctld -D </dev/null >"$dir/log/slurmctld.out" 2>&1 &
    local k status=0
    for ((k = 1; k <= n; k++)); do boot "n$k"; done
    until_idle "$n"
    "$@" || status=$?
    if [[ $status != 0 && -n ${CLUSTER_LOGS:-} ]]; then
        mkdir -p "$CLUSTER_LOGS" && cp "$dir"/log/* "$CLUSTER_LOGS"
    fi
    exit "$status"    # the kernel ends all other processes with this one
}

until_idle() {
    local deadline=$((SECONDS + 60)) states
    while states=$(sinfo -hN -o %T 2>/dev/null) || true; [[ $(grep -cx idle <<<"$states") != "$1" ]]; do
        ((SECONDS < deadline)) || { tail -n 5 "$dir"/log/* >&2; die "the nodes do not come up"; }
        sleep 0.1
    done
}

configure() {
    local n=$1 k
    mkdir -p "$dir"/{log,munge,spool,state,tmp}
    chmod 711 "$dir/munge"
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key")
    {
        echo "127.0.0.1 localhost"
        echo "10.77.0.1 login"
        for ((k = 1; k <= n; k++)); do echo "10.77.0.$((10 + k)) n$k"; done
    } >"$dir/hosts"
    cat >"$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=login(10.77.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a requeued job waits for cred_expire (by default two minutes) before it starts again
AuthInfo=socket=$dir/munge/socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
# of each node its own: the pmix plugin puts a fixed name there
TmpFS=$dir/tmp/%n
SlurmctldPidFile=$dir/state/slurmctld.pid
SlurmdPidFile=$dir/spool/%n/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
ReturnToService=2
SlurmdTimeout=${NODE_TIMEOUT:-10}
MessageTimeout=5
KillWait=5
NodeName=DEFAULT CPUs=${CPUS_PER_NODE:-8} RealMemory=4000 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES DefaultTime=10 MaxTime=INFINITE OverSubscribe=NO State=UP
END
    # a node's name is also a feature of it
    for ((k = 1; k <= n; k++)); do echo "NodeName=n$k NodeAddr=10.77.0.$((10 + k)) Features=n$k"; done >>"$dir/slurm.conf"
    # with the default collectives, Slurm 22.05 now and then lets ranks leave MPI_Init while those of another
    # node are still in it: they crash or hang
    echo "PMIxCollFence=ring" >"$dir/mpi.conf"
}

# --- nodes ------------------------------------------------------------------------------------------------

boot() {
    local k=${1#n}
    grep -qw "$1" "$dir/hosts" || die "no such node: $1"
    [[ ! -e $dir/$1.pid ]] || die "already on: $1"
    # empty, like those of a node without disks: what a step left there before a crash keeps a requeued job
    # of the same number from starting
    rm -rf "$dir/spool/$1" "$dir/tmp/$1"
    mkdir -p "$dir/spool/$1" "$dir/tmp/$1"
    ip netns add "$1"
    ip link add "$1" type veth peer name eth0 netns "$1"
    ip link set "$1" master br0 up
    ip -n "$1" addr add "10.77.0.$((10 + k))/24" dev eth0
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
    nsenter --net="/run/netns/$1" unshare --uts --mount --pid --fork --kill-child "$self" _node "$1" \
        </dev/null >>"$dir/log/$1.out" 2>&1 &
    disown
    echo $! >"$dir/$1.pid"    # nsenter and unshare keep this number; what they start ends with them
}

node() {
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /dev/shm
    hostname "$1"
    slurmd -D -N "$1" &
    wait    # pid 1 of the node: the node is up while slurmd is
}

fail() {
    [[ -e $dir/$1.pid ]] || die "no such node, or it is off: $1"
    ip link del "$1"    # silence first: no peer may see a socket that closes
    kill -KILL "$(cat "$dir/$1.pid")"
    ip netns del "$1"
    rm -f "$dir/$1.pid"
}

case ${1:-} in
    _login) shift; login "$@" ;;
    _node) node "$2" ;;
    fail | boot)
        [[ $# == 2 && -e $dir ]] || die "$1 NODE works inside a cluster only"
        "$1" "$2" ;;
    *) outside "${@:-help}" ;;
esac
