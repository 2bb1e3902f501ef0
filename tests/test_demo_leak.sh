#!/bin/sh
# test_demo_leak.sh - stress/demo-leak.sh in its short form: what weir-serve plants is found, every bit of it, and nobody else is accused.
#
# WEIR_BUILD is the build tree, WEIR_SOURCE the sources. wrk or jq missing: it fails and says so.
set -u
sh "$WEIR_SOURCE/stress/demo-leak.sh" short || exit 1
