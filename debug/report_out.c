/* debug/report_out.c - text on its way out of a report: gathered in a buffer, and made harmless where it comes from outside.
 *
 * Names may hold any byte: what a terminal would obey is never printed, and a JSON string is right whatever is in it (bytes that are no UTF-8 stand for
 * themselves, \u0080 to \u00ff). No locale has a say in any number. threads: one a writer. No memory is taken.
 */
#include "report_private.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void out__bytes(struct report_writer *w, const char *text, size_t n)
{
    while (n) {
        size_t part = sizeof w->buffer - w->used < n ? sizeof w->buffer - w->used : n;
        memcpy(w->buffer + w->used, text, part);
        w->used += part;
        text += part;
        n -= part;
        if (w->used == sizeof w->buffer)
            report_flush(w);
    }
}

void report_put(struct report_writer *w, const char *text)
{
    out__bytes(w, text, strlen(text));
}

void report_print(struct report_writer *w, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_put(w, text);
}

void report_flush(struct report_writer *w)
{
    if (w->used)
        w->out->write(w->out->arg, w->buffer, w->used);
    w->used = 0;
}

void report_clean(struct report_writer *w, const char *text, char instead)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        out__bytes(w, c < ' ' || c == 127 ? "?" : *text == instead ? ":" : text, 1);
    }
}

/* Bytes of the UTF-8 sequence that begins here; 0: none does. */
static size_t out__sequence(const unsigned char *s)
{
    static const struct { unsigned char mask, lead; uint32_t least; } form[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
    for (size_t i = 0; i < 3; i++) {
        uint32_t code = s[0] & (unsigned char)~form[i].mask;
        size_t n = 1;
        if ((s[0] & form[i].mask) != form[i].lead)
            continue;
        for (; n < i + 2; n++) {
            if ((s[n] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (s[n] & 0x3f);
        }
        return code < form[i].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
    }
    return 0;
}

void report_json(struct report_writer *w, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    out__bytes(w, "\"", 1);
    while (*s) {
        size_t n = *s < 0x80 ? 1 : out__sequence(s);
        if (*s == '"' || *s == '\\')
            report_print(w, "\\%c", *s);
        else if (n == 0 || *s < ' ' || *s == 127)
            report_print(w, "\\u%04x", *s);
        else
            out__bytes(w, (const char *)s, n);
        s += n ? n : 1;
    }
    out__bytes(w, "\"", 1);
}

void report_seconds(struct report_writer *w, int64_t ns)
{
    int64_t tenths = (ns < 0 ? 0 : ns) / 100000000;
    report_print(w, "%lld.%lld s", (long long)(tenths / 10), (long long)(tenths % 10));
}
