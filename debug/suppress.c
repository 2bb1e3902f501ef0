/* debug/suppress.c - reads rules and matches them. The grammar is in suppress.h.
 *
 * threads   one a struct suppress. progress: a match is O(rules * pattern * text), the reader of a report pays it, nobody else
 */
#include "suppress.h"
#include "../src/os/os.h"
#include "../src/panic.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *word; bool holder; } suppress__words[] = { { "site:", false }, { "holder:", true } };

/* Blanks at both ends are no part of a line. */
static const char *suppress__line(const char *text, size_t *bytes)
{
    size_t n = strcspn(text, "\n");
    while (n && (*text == ' ' || *text == '\t'))
        text++, n--;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r'))
        n--;
    *bytes = n;
    return text;
}

static int suppress__rule(struct suppress *s, const char *text, size_t bytes, uint32_t line, const char *name)
{
    for (size_t i = 0; i < sizeof suppress__words / sizeof suppress__words[0]; i++) {
        size_t n = strlen(suppress__words[i].word);
        if (bytes <= n || memcmp(text, suppress__words[i].word, n) != 0)
            continue;
        if (s->n == SUPPRESS_RULES)
            return error_set(-E2BIG, "%.100s, line %u: more than %d rules", name, line, SUPPRESS_RULES);
        s->rule[s->n++] = (struct suppress_rule){ text, (uint32_t)bytes, line, 0, suppress__words[i].holder };
        return 0;
    }
    return error_set(-EINVAL, "%.100s, line %u: \"%.*s\": site:PATTERN, as in site:session.c:218, or holder:PATTERN, as in holder:logger-*", name, line,
                     bytes > 40 ? 40 : (int)bytes, text);
}

int suppress_open(struct suppress *out, const char *text, const char *name)
{
    uint32_t line = 1;
    int error = 0;
    out->n = 0;
    out->rule = os_pages(SUPPRESS_RULES * sizeof *out->rule);
    if (!out->rule)
        return error_set(-ENOMEM, "%.100s: no memory for its rules", name);
    while (*text && !error) {
        size_t bytes;
        const char *rule = suppress__line(text, &bytes);
        if (bytes && *rule != '#')
            error = suppress__rule(out, rule, bytes, line, name);
        text += strcspn(text, "\n");
        text += *text != 0;
        line++;
    }
    if (error)
        suppress_close(out);
    return error;
}

void suppress_close(struct suppress *s)
{
    os_pages_free(s->rule, SUPPRESS_RULES * sizeof *s->rule);
    s->rule = NULL;
    s->n = 0;
}

/* A star that failed is tried one byte further on, the last one alone: what stands before it has matched in the only way that matters. */
bool suppress_glob(const char *pattern, size_t bytes, const char *text)
{
    const char *end = pattern + bytes, *star = NULL, *from = NULL;
    while (*text) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (pattern < end && *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

static bool suppress__matches(struct suppress *s, bool holder, const char *text)
{
    bool any = false;
    for (unsigned i = 0; i < s->n; i++) {
        struct suppress_rule *rule = &s->rule[i];
        const char *pattern = (const char *)memchr(rule->text, ':', rule->bytes) + 1;
        if (rule->holder != holder || !suppress_glob(pattern, rule->bytes - (size_t)(pattern - rule->text), text))
            continue;
        rule->used++;
        any = true;
    }
    return any;
}

bool suppress_holder(struct suppress *s, const char *name)
{
    return suppress__matches(s, true, name);
}

/* A file is known by its whole path and by its last part. */
bool suppress_place(struct suppress *s, const char *file, int line, const char *function)
{
    const char *slash = strrchr(file, '/');
    char place[300];
    bool any = *function && suppress__matches(s, false, function);
    if (!*file)
        return any;
    (void)snprintf(place, sizeof place, "%s:%d", file, line);
    any |= suppress__matches(s, false, place);
    if (slash)
        any |= suppress__matches(s, false, place + (slash + 1 - file));
    return any;
}
