/* symbols.h - from a place in a module (path, build id, offset) to file, line and function. The theory is in symbols.c. */
#ifndef WEIR_INSPECT_SYMBOLS_H
#define WEIR_INSPECT_SYMBOLS_H

#include <stdbool.h>
#include "../report.h"

struct symbols;

/* debug_dir: where debug files are looked for beside the usual places; NULL: nowhere else. servers: ask those of DEBUGINFOD_URLS, too; if not, that
 * variable leaves this process's environment. NULL: no memory, or this program was built without libdw (symbols_built says which): places are then named
 * by module and offset. */
struct symbols *symbols_open(const char *debug_dir, bool servers);
void symbols_close(struct symbols *s);                          /* NULL: nothing */
bool symbols_built(void);

/* A report_resolve_fn; arg is the struct symbols. offset is a return address: the line is that of the call before it. false: symbols_each_refused
 * says why. */
bool symbols_resolve(const struct debug_module *module, const char *path, uint64_t offset, struct report_symbol *out, void *arg);

/* Each module that was asked for and whose lines can't be said, with the reason: "no such file", "build id differs", ... */
void symbols_each_refused(const struct symbols *s, void (*fn)(const char *path, const char *why, void *arg), void *arg);

#endif
