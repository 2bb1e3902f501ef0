/* tests/fuzz/test_hostile.c - 10,000 debug segments, changed by chance (hostile.h), against the reader and all of weir-inspect's commands: each is refused with
 * a reason or reported, none is a crash.
 *
 *     test_hostile [seed [number]]        a run is its seed and its number: what failed is run again by both
 */
#include "hostile.h"
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 10000, MOST = 96 };

static uint64_t seed = 20260101;
static volatile unsigned current;

static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static void aborted(int number)
{
    fprintf(stderr, "test_hostile: run it again by: test_hostile %llu %u\n", (unsigned long long)seed, current);
    signal(number, SIG_DFL);
    raise(number);
}

/* Few changes more often than many: the first one that is refused hides the others. */
static enum hostile run(unsigned number)
{
    uint64_t state = seed * 1000003 + number;
    uint8_t data[MOST];
    size_t most = random_next(&state) % 4 ? 20 : MOST - 8, size = 8 + random_next(&state) % most;
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(random_next(&state) >> 32);
    current = number;
    return hostile_run(data, size);
}

int main(int argc, char **argv)
{
    unsigned refused = 0;
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 10);
    signal(SIGABRT, aborted);
    signal(SIGSEGV, aborted);
    if (argc > 2) {
        printf("%s\n", run((unsigned)strtoul(argv[2], NULL, 10)) == HOSTILE_REFUSED ? "refused" : "reported");
        return 0;
    }
    for (unsigned i = 0; i < RUNS; i++)
        refused += run(i) == HOSTILE_REFUSED;
    printf("%d segments: %u refused, %u reported, seed %llu\n", RUNS, refused, RUNS - refused, (unsigned long long)seed);
    return refused > RUNS / 10 && RUNS - refused > RUNS / 10 ? 0 : 1;
}
