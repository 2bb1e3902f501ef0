/* out.c - see out.h. A program that has no memory for its own report ends and says so. */
#include "out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void out__room(struct out *out, size_t bytes)
{
    size_t size = out->size ? out->size : 4096;
    while (size < out->bytes + bytes + 1)
        size *= 2;
    if (size == out->size)
        return;
    out->text = realloc(out->text, size);
    if (!out->text) {
        fputs("weir-inspect: no memory for the report\n", stderr);
        exit(3);
    }
    out->size = size;
}

void out_write(void *arg, const char *text, size_t bytes)
{
    struct out *out = arg;
    out__room(out, bytes);
    memcpy(out->text + out->bytes, text, bytes);
    out->bytes += bytes;
    out->text[out->bytes] = 0;
}

void out_print(struct out *out, const char *format, ...)
{
    char line[1024];
    va_list args, again;
    int n;
    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(line, sizeof line, format, args);
    if (n > 0 && (size_t)n < sizeof line) {
        out_write(out, line, (size_t)n);
    } else if (n > 0) {
        out__room(out, (size_t)n);
        vsnprintf(out->text + out->bytes, (size_t)n + 1, format, again);
        out->bytes += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void out_clear(struct out *out)
{
    out->bytes = 0;
    if (out->text)
        out->text[0] = 0;
}

void out_free(struct out *out)
{
    free(out->text);
    memset(out, 0, sizeof *out);
}
