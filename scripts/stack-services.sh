# shellcheck shell=bash disable=SC2154 # variables come from lib.sh and stack
# The five services of a stack: settings, how each is launched, when each is ready. Ready means that
# the one we started answers: identities are compared, so that a stranger on a port is never taken
# for ours. Sourced by scripts/stack. SPDX-License-Identifier: Apache-2.0

# --- settings

write_settings() {
    local library
    library=$("$root/scripts/engines" --path chdb)
    cat >"$local_dir/etc/bxb.conf" <<EOF
# Written by scripts/stack up; changes do not last. Settings go into BXB_… variables.
url = http://127.0.0.1:$port_events
admin_url = http://127.0.0.1:$port_server_admin
writer_admin_url = http://127.0.0.1:$port_writer_admin
kafka = 127.0.0.1:$port_kafka
clickhouse_url = http://127.0.0.1:$port_clickhouse
postgres = $(postgres_uri)
server.listen = 127.0.0.1:$port_events
server.admin_listen = 127.0.0.1:$port_server_admin
writer.admin_listen = 127.0.0.1:$port_writer_admin
engine.listen = 127.0.0.1:$port_clickhouse
engine.data = $local_dir/data/clickhouse
dedup.directory = $local_dir/data/dedup
engine.library = $library
EOF
}

# Endpoints are the stack's own, whatever the caller's shell has (perhaps another stack's env); and
# what is for these scripts only is no setting.
without_endpoints() {
    unset BXB_URL BXB_ADMIN_URL BXB_WRITER_ADMIN_URL BXB_KAFKA BXB_CLICKHOUSE_URL BXB_POSTGRES \
        BXB_SERVER_LISTEN BXB_SERVER_ADMIN_LISTEN BXB_WRITER_ADMIN_LISTEN BXB_ENGINE_LISTEN \
        BXB_ENGINE_DATA BXB_API_KEY BXB_LOCAL
    export TZ=UTC
}

write_env() {
    (
        umask 077
        cat >"$local_dir/env.new" <<EOF
# Read by a shell: . ${local_dir#"$PWD/"}/env
export BXB_URL='http://127.0.0.1:$port_events'
export BXB_ADMIN_URL='http://127.0.0.1:$port_server_admin'
export BXB_WRITER_ADMIN_URL='http://127.0.0.1:$port_writer_admin'
export BXB_API_KEY='$(cat "$local_dir/etc/demo.key")'
export BXB_KAFKA='127.0.0.1:$port_kafka'
export BXB_CLICKHOUSE_URL='http://127.0.0.1:$port_clickhouse'
export BXB_POSTGRES='$(postgres_uri)'
case ":\$PATH:" in *":$local_dir/bin:"*) ;; *) export PATH="$local_dir/bin:\$PATH" ;; esac
EOF
        mv "$local_dir/env.new" "$local_dir/env"
    )
}

# --- Kafka

write_kafka_settings() {
    cat >"$local_dir/etc/kafka.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$port_controller
listeners=PLAINTEXT://127.0.0.1:$port_kafka,CONTROLLER://127.0.0.1:$port_controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port_kafka
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$local_dir/data/kafka
auto.create.topics.enable=false
# One broker: one copy of everything, and few partitions for what the broker keeps for itself.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
EOF
}

# kafka_java CLASS ARGUMENT…: the words of the command, in `java`.
kafka_java() {
    local jars
    jars=$("$root/scripts/engines" --path kafka) || die "Kafka's jars are not there" "./scripts/engines"
    java=("${JAVA_HOME:+$JAVA_HOME/bin/}java" -Xmx512m -XX:+UseSerialGC -Djava.awt.headless=true
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
        '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS' -cp "$jars/*" "$@")
}

launch_kafka() {
    local -a java
    write_kafka_settings
    if [ ! -s "$local_dir/etc/kafka.cluster" ]; then
        head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$local_dir/etc/kafka.cluster.new"
        mv "$local_dir/etc/kafka.cluster.new" "$local_dir/etc/kafka.cluster"
    fi
    if [ ! -e "$local_dir/data/kafka/meta.properties" ]; then
        # --cluster-id=: an id may begin with a dash.
        kafka_java kafka.tools.StorageTool format "--cluster-id=$(cat "$local_dir/etc/kafka.cluster")" \
            --config "$local_dir/etc/kafka.properties"
        "${java[@]}" >>"$local_dir/log/kafka.log" 2>&1 ||
            { tail -n 15 "$local_dir/log/kafka.log" >&2; die "Kafka cannot make its data directory" "Java 17 or newer is needed; see the lines above"; }
    fi
    kafka_java kafka.Kafka "$local_dir/etc/kafka.properties"
    spawn kafka "${java[@]}"
}

ready_kafka() {
    [ "$("$root/scripts/kafka-cluster-id" 127.0.0.1 "$port_kafka")" = "$(cat "$local_dir/etc/kafka.cluster")" ]
}

# --- PostgreSQL

postgres_bin() {
    local dir
    if dir=$(pg_config --bindir 2>/dev/null) && [ -x "$dir/postgres" ]; then
        echo "$dir"
        return
    fi
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV); do
        [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && { echo "$dir"; return; }
    done
    die "PostgreSQL's programs are not there" "./scripts/install-dependencies"
}

# The password is in a file that the URI names, so that it stands in no environment and no list of
# processes.
postgres_uri() {
    local path=$local_dir/etc/pgpass
    path=${path//%/%25} path=${path// /%20} path=${path//&/%26} path=${path//#/%23}
    echo "postgresql://bxb@127.0.0.1:$port_postgres/bxb?passfile=$path"
}

# postgres_as: the words that go before PostgreSQL's programs, in `prefix`. They refuse root: as root
# they run in a user namespace of their own; where there is none, as the owner of the data, with the
# right to pass folders that are closed to him.
postgres_as() {
    prefix=()
    [ "$(id -u)" = 0 ] || return 0
    if unshare --user --map-user=1000 --map-group=1000 true 2>/dev/null; then
        prefix=(unshare --user --map-user=1000 --map-group=1000)
        return
    fi
    local owner
    owner=$(id -u postgres 2>/dev/null || echo 65534)
    prefix=(setpriv "--reuid=$owner" "--regid=$owner" --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override)
    "${prefix[@]}" true 2>/dev/null ||
        die "PostgreSQL refuses to run as root, and this machine allows no other way from root" "run it as an ordinary user"
    mkdir -p "$local_dir/data/postgres"
    chown -R "$owner:$owner" "$local_dir/data/postgres"
}

make_postgres() {
    local bin=$1 password fresh=$local_dir/data/postgres
    password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    rm -rf "$fresh"
    postgres_as
    (umask 077 && printf '*:*:*:*:%s\n' "$password" >"$local_dir/etc/pgpass")
    # The role that the programs use is no superuser: what they may do is what a production role may.
    printf '%s\n' "$password" |
        "${prefix[@]}" "$bin/initdb" -D "$fresh" -U postgres --pwfile=/dev/stdin --auth=scram-sha-256 \
            --encoding=UTF8 --locale=C.UTF-8 >>"$local_dir/log/postgres.log" 2>&1 ||
        { tail -n 15 "$local_dir/log/postgres.log" >&2; die "PostgreSQL cannot make its data directory" "see the lines above"; }
    printf '%s\n' "CREATE ROLE bxb LOGIN PASSWORD '$password';" "CREATE DATABASE bxb OWNER bxb;" |
        "${prefix[@]}" "$bin/postgres" --single -D "$fresh" postgres >>"$local_dir/log/postgres.log" 2>&1
    touch "$local_dir/etc/postgres.made"
}

# After kill -9 the old process can stay a zombie for a while, and where nothing reaps it for ever.
# PostgreSQL would take it for alive, or for itself what got its id since.
forget_dead_postmaster() {
    local lock=$local_dir/data/postgres/postmaster.pid old i
    old=$(head -n 1 "$lock" 2>/dev/null) || return 0
    for ((i = 0; i < 40; i++)); do
        [ -e "/proc/$old" ] || return 0
        sleep 0.05
    done
    [ "$(cat "/proc/$old/comm" 2>/dev/null)" = postgres ] && start_time "$old" >/dev/null || rm -f "$lock"
}

launch_postgres() {
    local bin
    local -a prefix
    bin=$(postgres_bin)
    forget_dead_postmaster
    [ -e "$local_dir/etc/postgres.made" ] || make_postgres "$bin"
    postgres_as
    spawn postgres "${prefix[@]}" "$bin/postgres" -D "$local_dir/data/postgres" \
        -c listen_addresses=127.0.0.1 -c "port=$port_postgres" -c unix_socket_directories= \
        -c max_connections=100 -c shared_buffers=64MB -c log_timezone=UTC -c timezone=UTC
}

ready_postgres() {
    local bin ours
    bin=$(postgres_bin)
    ours=$("$bin/pg_controldata" "$local_dir/data/postgres" | sed -n 's/^Database system identifier: *//p')
    [ -n "$ours" ] &&
        [ "$("$bin/psql" -XAtq -d "$(postgres_uri)&connect_timeout=2" -c 'SELECT system_identifier FROM pg_control_system()')" = "$ours" ]
}

# --- the engine of ClickHouse, and our two

launch_clickhouse() { launch_ours clickhouse bxb-clickhouse; }
launch_server() { launch_ours server bxb-server; }
launch_writer() { launch_ours writer bxb-writer; }

launch_ours() {
    (
        without_endpoints
        spawn "$1" "$local_dir/bin/$2" --config "$local_dir/etc/bxb.conf"
    )
}

http_get() { curl -fsS --noproxy '*' --max-time 2 "$1"; }

ready_clickhouse() {
    [ "$(http_get "http://127.0.0.1:$port_clickhouse/identity")" = "$(cat "$local_dir/data/clickhouse/bxb-clickhouse.id")" ]
}

# These two have no data of their own to know them by: the port must be in the hands of the process.
ready_server() {
    listens "$1" "$port_server_admin" && listens "$1" "$port_events" &&
        http_get "http://127.0.0.1:$port_server_admin/readyz" >/dev/null
}
ready_writer() {
    listens "$1" "$port_writer_admin" && http_get "http://127.0.0.1:$port_writer_admin/readyz" >/dev/null
}

# --- stopping

stop_signal() {
    case $1 in
    postgres) echo INT ;; # at once, after an orderly end; TERM would wait for its clients
    *) echo TERM ;;
    esac
}

# Seconds. Ours finish what is in flight for shutdown.grace, 30 s unless set otherwise.
stop_patience() {
    case $1 in
    kafka) echo 60 ;;
    *) echo 45 ;;
    esac
}
