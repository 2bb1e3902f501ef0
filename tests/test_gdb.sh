#!/bin/sh
# test_gdb.sh - the gdb script says what the segments hold, of a live process and of its core: of tests/gdb/subject.c, whose segments are made by hand, and
# of tests/gdb/watched.c, whose pool is watched by the layer.
#
# WEIR_SUBJECT and WEIR_WATCHED are the programs, WEIR_SOURCE the tree. gdb or its Python missing, or ptrace forbidden: the test fails and says so.
set -u
work=$(mktemp -d) || exit 1
subject=

finish() {
    [ -z "$subject" ] || stop
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

fail() {
    echo "test_gdb.sh: $*"
    exit 1
}

# start <program> [argument]: until it has said its pid.
start() {
    : >"$work/pid"
    "$@" >"$work/pid" &
    subject=$!
    tries=200
    until [ -s "$work/pid" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] && kill -0 $subject || fail "the subject did not start"
        sleep 0.05
    done
}

stop() {
    kill -KILL $subject
    wait $subject 2>/dev/null
    rm -f /dev/shm/weir.debug.*."$subject"
    subject=
}

# ask <gdb's arguments ...>: runs $work/script there.
ask() {
    PYTHONDONTWRITEBYTECODE=1 gdb -q -nx -batch "$@" -ex "source $WEIR_SOURCE/debug/gdb/weir-gdb.py" -x "$work/script" >"$work/output" 2>&1 </dev/null
}

# says <line>: the output has that line, whatever the spaces and the numbers of processes are. It is looked for behind the last one that was found.
says() {
    want=$(echo "$1" | tr -s ' ')
    tail -n +$at "$work/plain" | grep -n -x -F -e "$want" >"$work/hit" || {
        sed 's/^/    /' "$work/output"
        fail "$what: gdb does not say \"$1\" (or not there)"
    }
    at=$((at + $(head -n 1 "$work/hit" | cut -d : -f 1)))
}

# check <what>: the output is looked at from its beginning.
check() {
    what=$1
    at=1
    tr -s ' ' <"$work/output" | sed -e 's/ $//' -e "s/thread [0-9][0-9]*/thread T/g" -e "s/ $pid / P /g" >"$work/plain"
}

gdb -q -nx -batch -ex 'python print("gdb has Python")' 2>&1 | grep -q '^gdb has Python' || fail "gdb with Python is missing (package gdb)"

cat >"$work/script" <<'END'
weir pools
weir leaks by-sketch
weir op 5 by-sketch
weir op 5 by-xor
weir op 4 by-xor
weir op 8 by-sum
weir op 4 by-sum
weir op 5 by-slots
weir op 5 by-journal
weir op 5 by-releasers
weir op 3 connections
weir op 1500
weir op 6 odd
weir op 7
weir holders odd
weir op 1999
END

# The same on both. There is no arena, so an op's state can't be read.
facts() {
    check "$1"
    says "by-journal pool P 2000 3 2 1995 4 1 journal(8) -"
    says "by-sketch pool P 2000 3 2 1995 4 1 sketch(4) -"
    says "by-xor pool P 2000 3 2 1995 4 1 xor discipline=own"
    says "connections domain P 100 3 2 95 3 1 sketch(2) discipline=own"
    says "odd pool P 2000 3 2 1995 6 1 sketch(4) -"
    says "by-sketch: 4 followed"
    says " 2 held: 1 by worker-3 (thread T) taken at session.c:218 (on_read); certified; for example 3 4"
    says "op 5 of pool by-sketch, at 0x7f0000005000"
    says " references 2"
    says " since 50.01 s"
    says " holder 1 by worker-3 (thread T) taken at session.c:218 (on_read)"
    says " holder 1 by logger (thread T) taken at sink.c:77 (sink_write)"
    says " certainty certified"
    says " journal 50.01 s born worker-3 (thread T) at session.c:218 (on_read)"
    says " journal 50.02 s take logger (thread T) at sink.c:77 (sink_write)"
    says "op 5 of pool by-xor, at 0x7f0000005000"
    says " certainty ambiguous: xor names the holder of the only reference: there are more, of one holder or of several"
    says "op 4 of pool by-xor, at 0x7f0000004000"
    says " holder 1 by worker-3 (thread T) taken at session.c:218 (on_read)"
    says " certainty certified"
    says "op 8 of pool by-sum, at 0x7f0000008000"
    says " certainty ambiguous: no single holder has them all: there are several, or plain calls handed them over"
    says "op 4 of pool by-sum, at 0x7f0000004000"
    says " holder 1 by worker-3 (thread T) taken at session.c:218 (on_read)"
    says " certainty certified"
    for tracker in slots journal; do
        says "op 5 of pool by-$tracker, at 0x7f0000005000"
        says " holder 1 by worker-3 (thread T) taken at session.c:218 (on_read)"
        says " holder 1 by logger (thread T) taken at sink.c:77 (sink_write)"
        says " certainty certified"
    done
    says "op 5 of pool by-releasers, at 0x7f0000005000"
    says " certainty probable: as many have released nothing as there are references; that each of them took one is assumed"
    says "object 3 of domain connections, at 0xabc0"
    says " state held"
    says " holder 1 by worker-3 (thread T) taken at session.c:218 (on_read)"
    says "op 1500 of pool odd, at 0x7f00005dc000"
    says " references 5"
    says " certainty overflow: more holders than the sketch of 4 can name"
    says "op 6 of pool odd, at 0x7f0000006000"
    says " holder 2 by worker-3 (thread T) taken at session.c:218 (on_read)"
    says " holder -1 by logger (thread T) taken at sink.c:77 (sink_write)"
    says " certainty ambiguous: handed over by plain calls: a ledger of who took and who gave back"
    says " journal 2 older events were written over"
    says " journal 50.03 s take worker-3 (thread T) at session.c:218 (on_read)"
    says "op 7 of pool odd, at 0x7f0000007000"
    says " certainty ambiguous: it was stopped in the midst of an update of this object: let it run and look again"
    says " update logger (thread T) is in the midst of one"
    says " worker-3: 7 at session.c:218 (on_read)"
    says "op 1999 is not followed: it is free, or was not in the sample"
    check "$1"
    says "the segment at ADDRESS is refused: it has version 2 and a header of 768 bytes; this script reads version 1, 768 bytes"
}

start "$WEIR_SUBJECT"
pid=$(cat "$work/pid")
ask -p "$subject"
sed -i 's/segment at 0x[0-9a-f]*/segment at ADDRESS/' "$work/output"
facts "the live process"
echo "of a live process: right"

gdb -q -nx -batch -p "$subject" -ex "generate-core-file $work/core" >"$work/output" 2>&1 </dev/null
[ -s "$work/core" ] || {
    cat "$work/output"
    fail "gdb wrote no core"
}
stop
ask "$WEIR_SUBJECT" "$work/core"
sed -i 's/segment at 0x[0-9a-f]*/segment at ADDRESS/' "$work/output"
facts "the core"
echo "of its core: right"

start "$WEIR_SUBJECT" without-segments-in-the-core
echo "weir pools" >"$work/script"
gdb -q -nx -batch -p "$subject" -ex "generate-core-file $work/core-without" >"$work/output" 2>&1 </dev/null
stop
ask "$WEIR_SUBJECT" "$work/core-without"
sed -i 's/segment at 0x[0-9a-f]*/segment at ADDRESS/' "$work/output"
check "a core without the segments"
says "a segment at ADDRESS is not in the core (bit 3 of coredump_filter was not set)"
echo "of a core without them: said"

# line <mark>
line() {
    echo "$WEIR_SOURCE/tests/gdb/watched.c:$(grep -n "/\* at:$1 \*/" "$WEIR_SOURCE/tests/gdb/watched.c" | cut -d : -f 1)"
}

# watched <what>
watched() {
    check "$1"
    says "op $held of pool watched, at ADDRESS"
    says " state owned"
    says " references 1"
    says " holder 1 by taker (thread T) taken at $(line hold) (main)"
    says " certainty certified"
    says "op $sent of pool watched, at ADDRESS"
    says " state submitted: the kernel owns it"
    says " places taken at $(line get) (taken)"
    says " holder 1 by taker (thread T)"
    grep -q "^watched pool P 64 " "$work/plain" || says "watched pool P 64 ..."
}

start "$WEIR_WATCHED"
{
    read -r pid held
    read -r sent
} <"$work/pid"
printf 'weir op %s watched\nweir op %s\nweir pools\n' "$held" "$sent" >"$work/script"
ask -p "$subject"
sed -i 's/, at 0x[0-9a-f]*/, at ADDRESS/' "$work/output"
watched "the live process of a watched pool"
gdb -q -nx -batch -p "$subject" -ex "generate-core-file $work/core-watched" >"$work/output" 2>&1 </dev/null
stop
ask "$WEIR_WATCHED" "$work/core-watched"
sed -i 's/, at 0x[0-9a-f]*/, at ADDRESS/' "$work/output"
watched "the core of a watched pool"
echo "of a watched pool, and of its core: right"

ask
check "no process"
grep -q "weir: no process and no core: attach to one, or open one" "$work/output" || fail "without a process gdb says: $(cat "$work/output")"
printf 'weir op seven\n' >"$work/script"
ask
grep -q "weir op N \[POOL\]: N is an op's index" "$work/output" || fail "\"weir op seven\" is not refused: $(cat "$work/output")"
echo "of nothing: refused"
