/* page.c - the response to "/": one op that one thread renders and all threads send.
 *
 * Purpose    hand a response between threads by reference: no copy for each request, and nobody asks who is the last to send it.
 * Invariant  page_handle is the handle of a published op to which the server holds one reference, and whose text does not change.
 *
 * Once a second the main thread renders a new one (the date has changed) into another op, publishes it, puts its handle there and drops
 * its reference to the one before. Sends that are in flight still refer to that; the last to complete gives it back to its pool.
 *
 * A reader gets from the handle to the op by weir_op_ref_handle: it fails if the op has been given back since the handle was read, and
 * then there is a newer handle to read. So the loop ends.
 *
 * The text is there several times in a row: that many pipelined requests are answered by one send.
 *
 * Threads    render: one. take: any. If the pool is empty the old page stays, with its date
 */
#include "page.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "serve.h"

static const char page_body[] = "Over the weir, and back again.\n";
static _Atomic uint64_t page_handle;
static struct weir_op *page_op;         /* the main thread's */

void page_date(char text[PAGE_DATE], time_t now)
{
    struct tm t;
    gmtime_r(&now, &t);
    text[strftime(text, PAGE_DATE, "%a, %d %b %Y %H:%M:%S GMT", &t)] = '\0';
}

const struct page *page_of(const struct weir_op *op)
{
    return weir_op_buffer(op);
}

static uint32_t page__text(char *buffer, size_t size, struct page_text *text, uint32_t at, const char *connection)
{
    char date[PAGE_DATE];
    page_date(date, time(NULL));
    text->at = at;
    text->header = (uint32_t)snprintf(buffer + at, size - at,
                                      "HTTP/1.1 200 OK\r\nServer: weir-serve\r\nDate: %s\r\nContent-Type: text/plain\r\n"
                                      "Content-Length: %zu\r\n%s\r\n", date, sizeof page_body - 1, connection);
    text->bytes = text->header + (uint32_t)sizeof page_body - 1;
    memcpy(buffer + at + text->header, page_body, sizeof page_body - 1);
    return at + text->bytes;
}

static void page__fill(char *buffer, size_t size)
{
    struct page page;
    uint32_t at = sizeof page;
    at = page__text(buffer, size, &page.text[PAGE_LAST], at, "Connection: close\r\n");
    at = page__text(buffer, size, &page.text[PAGE_KEEP_OLD], at, "Connection: keep-alive\r\n");
    page__text(buffer, size, &page.text[PAGE_KEEP], at, "");
    for (page.copies = 1; at + 2 * page.text[PAGE_KEEP].bytes <= size; page.copies++) {
        memcpy(buffer + at + page.text[PAGE_KEEP].bytes, buffer + at, page.text[PAGE_KEEP].bytes);
        at += page.text[PAGE_KEEP].bytes;
    }
    memcpy(buffer, &page, sizeof page);
}

void page_render(struct server *s)
{
    struct weir_op *before = page_op, *op = weir_op_get(s->data);
    if (!op)
        return;
    page__fill(weir_op_buffer(op), weir_op_buffer_size(op));
    weir_op_publish(op);
    page_op = op;
    atomic_store_explicit(&page_handle, weir_op_handle(op), memory_order_release);      /* page.R1 -> page.A1: the text */
    weir_op_unref(before);
}

int page_begin(struct server *s)
{
    page_render(s);
    return page_op ? 0 : -ENOMEM;
}

void page_end(struct server *s)
{
    (void)s;
    weir_op_unref(page_op);
    page_op = NULL;
}

struct weir_op *page_take(struct server *s)
{
    struct weir_op *op;
    do
        op = weir_op_ref_handle(s->data, atomic_load_explicit(&page_handle, memory_order_acquire));     /* page.A1 <- page.R1 */
    while (!op);
    return op;
}
