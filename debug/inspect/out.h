/* out.h - text that grows: what a command has to say of one segment is collected, and printed once all of it was read. */
#ifndef WEIR_INSPECT_OUT_H
#define WEIR_INSPECT_OUT_H

#include <stddef.h>

struct out {                    /* zero: empty */
    char *text;                 /* NULL or zero-terminated */
    size_t bytes, size;
};

void out_print(struct out *out, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
void out_write(void *out, const char *text, size_t bytes);      /* report_out.write */
void out_clear(struct out *out);                                /* empty, its memory is kept */
void out_free(struct out *out);

#endif
