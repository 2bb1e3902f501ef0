/* debug/suppress.h - leaks that are known: a file of rules, one a line.
 *
 *     # a comment
 *     site:session.c:218            where it was taken: file:line, the function's name, or module+0xoffset; of a stack any frame
 *     site:*third_party*            * stands for any text
 *     holder:logger-*               who took it, by its name
 *
 * An object is suppressed if a rule matches each of its holders, and all of its references have one: a rule hides nothing else's leak.
 */
#ifndef WEIR_DEBUG_SUPPRESS_H
#define WEIR_DEBUG_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUPPRESS_RULES = 1024 };

struct suppress_rule {
    const char *text;                   /* the whole rule, in the text; its pattern is behind the first ':' */
    uint32_t bytes, line, used;
    bool holder;
};

struct suppress {
    struct suppress_rule *rule;
    unsigned n;
};

/* The text must live as long. 0; -EINVAL: `name` (of the file), the line and what would be right are in the message; -ENOMEM; -E2BIG: too many rules. */
int suppress_open(struct suppress *out, const char *text, const char *name);
void suppress_close(struct suppress *s);

/* Does a rule match? Each that does has been used then. */
bool suppress_holder(struct suppress *s, const char *name);
bool suppress_place(struct suppress *s, const char *file, int line, const char *function);

bool suppress_glob(const char *pattern, size_t bytes, const char *text);

#endif
