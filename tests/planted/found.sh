#!/bin/sh
# found.sh <function> <program> <argument> - passes only if ThreadSanitizer stopped the program for a data race seen in the function.
function=$1
shift
TSAN_OPTIONS=exitcode=66 "$@" >found.$$ 2>&1
status=$?
cat found.$$
if [ $status = 66 ] && grep -q 'WARNING: ThreadSanitizer: data race' found.$$ && grep -q " $function " found.$$; then
    result=0
else
    echo "found.sh: the planted bug was not found: status $status, no data race in $function reported"
    result=1
fi
rm -f found.$$
exit $result
