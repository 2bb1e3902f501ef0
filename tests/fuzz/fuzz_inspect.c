/* tests/fuzz/fuzz_inspect.c - debug segments that were changed on purpose (hostile.h), under libFuzzer and as its corpus. */
#include "fuzz.h"
#include "hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hostile_run(data, size);
    return 0;
}
