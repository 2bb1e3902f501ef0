/* symbols_none.c - symbols.h where libdw is missing: nothing is resolved, and a report says module, offset and build id. */
#include "symbols.h"

struct symbols *symbols_open(const char *debug_dir, bool servers)
{
    (void)debug_dir;
    (void)servers;
    return NULL;
}

void symbols_close(struct symbols *s) { (void)s; }

bool symbols_built(void) { return false; }

bool symbols_resolve(const struct debug_module *module, const char *path, uint64_t offset, struct report_symbol *out, void *arg)
{
    (void)module;
    (void)path;
    (void)offset;
    (void)out;
    (void)arg;
    return false;
}

void symbols_each_refused(const struct symbols *s, void (*fn)(const char *path, const char *why, void *arg), void *arg)
{
    (void)s;
    (void)fn;
    (void)arg;
}
