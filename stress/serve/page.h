/* page.h - the response to "/", shared by all connections. The theory is in page.c. */
#ifndef SERVE_PAGE_H
#define SERVE_PAGE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <weir/op.h>

struct server;

enum page_kind { PAGE_KEEP, PAGE_KEEP_OLD, PAGE_LAST, PAGE_KINDS };     /* HTTP/1.1 goes on; HTTP/1.0 goes on; the connection ends */

struct page_text {
    uint32_t at;                /* in the op's buffer */
    uint32_t bytes;
    uint32_t header;            /* the first so many of them */
};

struct page {                   /* the buffer begins with it */
    struct page_text text[PAGE_KINDS];
    uint32_t copies;            /* of PAGE_KEEP, one after the other */
};

int page_begin(struct server *s);               /* 0 or a negative errno */
void page_render(struct server *s);             /* one thread: a new one, if there is an op for it */
void page_end(struct server *s);

/* The current page: one reference is the caller's. Any thread. */
struct weir_op *page_take(struct server *s);
const struct page *page_of(const struct weir_op *op);

enum { PAGE_DATE = 30 };
void page_date(char text[PAGE_DATE], time_t now);       /* as HTTP has it */

#endif
