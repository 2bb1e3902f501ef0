/* packet.c - lists of packets. Under the lock of whoever owns the list. */
#include "backend.h"

bool packets_remove(struct packets *list, const struct packet *p)
{
    struct packet *before = NULL;
    for (struct packet *q = list->head; q; before = q, q = q->next) {
        if (q != p)
            continue;
        if (before)
            before->next = q->next;
        else
            list->head = q->next;
        if (list->tail == q)
            list->tail = before;
        list->count--;
        return true;
    }
    return false;
}

void packets_append(struct packets *list, struct packets *more)
{
    if (!more->head)
        return;
    if (list->head)
        list->tail->next = more->head;
    else
        list->head = more->head;
    list->tail = more->tail;
    list->count += more->count;
    more->head = NULL;
    more->tail = NULL;
    more->count = 0;
}
