/* debug/report.h - what is said of leaks: one set of facts, three forms (text, JSON, folded stacks), for the library's own reports and weir-inspect. */
#ifndef WEIR_DEBUG_REPORT_H
#define WEIR_DEBUG_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include "reader.h"

struct suppress;

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_FOLDED };

struct report_out {                     /* where text goes; write must not fail half-way in silence: it remembers */
    void (*write)(void *arg, const char *text, size_t bytes);
    void *arg;
};

/* Finds file, line and function of a return address; NULL in the library itself, which says module+offset and the build id; weir-inspect has one. */
struct report_symbol { char file[256], function[128]; int line; };
typedef bool (*report_resolve_fn)(const struct debug_module *module, const char *path, uint64_t offset, struct report_symbol *out, void *arg);

struct report_options {
    enum report_form form;
    int64_t min_age;                    /* ns: younger ones are no leaks, unless a dead holder has them */
    int64_t since;                      /* ns since `created`: born before it are not listed; 0: all */
    bool all;                           /* every followed live object, not only leaks */
    const char *suppress;               /* the text of a suppressions file; NULL: none. suppress_open (suppress.h) has found it right */
    struct suppress *rules;             /* instead of `suppress`: rules that several reports share */
    bool more;                          /* of these, more reports follow: rules that nothing matched aren't named yet */
    int64_t pid;                        /* not 0: only what this process holds, of a pool that others hold, too */
    report_resolve_fn resolve;
    void *resolve_arg;
    const char *next;                   /* the command that a text report ends with; NULL: none */
};

struct report_result { uint32_t leaks, suppressed, unsure; };           /* unsure: could not be read stably */

void report_leaks(struct reader *r, const struct report_options *options, const struct report_out *out, struct report_result *result);

#endif
