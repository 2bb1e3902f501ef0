/* tests/footprint.h - what this process takes of the system: address space, resident memory, heap, descriptors.
 *
 * Read from /proc; elsewhere all zero, so that a comparison before and after holds there and the suites stay the same.
 */
#ifndef WEIR_TESTS_FOOTPRINT_H
#define WEIR_TESTS_FOOTPRINT_H

#include "support.h"

#ifdef __linux__
#include <dirent.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#endif

struct footprint {
    size_t mapped;              /* bytes of address space */
    size_t mappings;            /* lines of /proc/self/maps */
    size_t heap;                /* bytes that malloc has given out */
    size_t descriptors;
};

#ifdef __linux__

static inline size_t statm_field(int which)
{
    unsigned long pages[2] = { 0, 0 };
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &pages[0], &pages[1]) != 2)
        abort();
    fclose(f);
    return pages[which] * (size_t)sysconf(_SC_PAGESIZE);
}

/* Resident bytes of the whole process, exact (statm's number may lag by some pages a processor). */
static inline size_t resident_now(void)
{
    char line[256];
    unsigned long kb = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    if (!f)
        return statm_field(1);
    while (fgets(line, sizeof line, f) && sscanf(line, "Rss: %lu kB", &kb) != 1) {
    }
    fclose(f);
    return kb * 1024;
}

static inline struct footprint footprint_now(void)
{
    struct footprint p = { 0, 0, 0, 0 };
    int c;
    DIR *fds = opendir("/proc/self/fd");
    FILE *maps = fopen("/proc/self/maps", "r");
    if (!fds || !maps)
        abort();
    while (readdir(fds))
        p.descriptors++;
    while ((c = getc(maps)) != EOF)
        p.mappings += c == '\n';
    fclose(maps);
    closedir(fds);
    p.mapped = statm_field(0);
#ifdef __GLIBC__
    p.heap = mallinfo2().uordblks;
#endif
    return p;
}

#else

static inline size_t resident_now(void)
{
    return 0;
}

static inline struct footprint footprint_now(void)
{
    return (struct footprint){ 0, 0, 0, 0 };
}

#endif

/* Sanitizers keep books of their own in the same address space: there, only what is as large as a pool counts. */
enum { FOOTPRINT_SLACK = SANITIZED ? 64 << 20 : 0 };

static inline void assert_same_footprint(const struct footprint *before)
{
    struct footprint after = footprint_now();
    assert_int_equal(after.descriptors, before->descriptors);
    assert_true(after.mapped <= before->mapped + FOOTPRINT_SLACK);
    if (!SANITIZED) {
        assert_int_equal(after.mappings, before->mappings);
        assert_int_equal(after.heap, before->heap);
    }
}

#endif
