/* fibre.c - threads that are stacks, and memory that is put back.
 *
 * Each virtual thread has a stack; a switch is a longjmp from one to another, and a copy of the program's thread-local storage, so that each has its
 * own. They begin anew for each schedule by a longjmp to the foot of their stack. All of the program's data and the explorer's heap, from
 * which the library gets its memory, is copied after the setup and put back before each schedule; the engine itself lies elsewhere.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "engine.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STACK = 256 << 10, REGION = HEAP / ALL };

extern char __data_start[], _end[];

/* Part of what is put back. */
static size_t used[ALL];

/* Beside it: in a mapping. */
static struct fibre {
    ucontext_t here, home;
    char *heap, *data_kept, *data_pristine, *heap_kept;
    size_t used_kept[ALL], used_most[ALL];
    char *tls, tls_pristine[TLS_MOST];
    size_t tls_size;
} *f;

/* -- thread-local storage --------------------------------------------------------------------------------------------------- */

static int fibre__find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
    int i;
    (void)size;
    (void)arg;
    for (i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) {
            f->tls = info->dlpi_tls_data;
            f->tls_size = info->dlpi_phdr[i].p_memsz;
        }
    return 1;                                                   /* the program is the first */
}

bool fibre_in_tls(const void *p)
{
    return (const char *)p >= f->tls && (const char *)p < f->tls + f->tls_size;
}

void fibre_tls(unsigned from, unsigned to)
{
    if (from == to)
        return;
    memcpy(x->thread[from].tls, f->tls, f->tls_size);
    memcpy(f->tls, x->thread[to].tls, f->tls_size);
}

/* -- stacks ------------------------------------------------------------------------------------------------------------------ */

static void fibre__foot(void)
{
    if (setjmp(x->thread[x->current].base) == 0)
        swapcontext(&f->here, &f->home);
    x->scenario->thread[x->current]();
    x->thread[x->current].status = DONE;
    schedule_block();
}

_Noreturn void fibre_start(unsigned thread)
{
    x->thread[thread].started = true;
    longjmp(x->thread[thread].base, 1);
}

void fibre_switch(unsigned thread)
{
    unsigned from = x->current;
    memory_leave(from);
    fibre_tls(from, thread);
    x->current = thread;
    memory_enter(thread);
    if (setjmp(x->thread[from].here) == 0) {
        if (!x->thread[thread].started)
            fibre_start(thread);
        longjmp(x->thread[thread].here, 1);
    }
}

static void *fibre__map(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        perror("explore: mmap");
        exit(2);
    }
    return p;
}

void fibre_make(void)
{
    size_t data = (size_t)(_end - __data_start);
    unsigned i;
    f = fibre__map(sizeof *f);
    f->heap = fibre__map(HEAP);
    f->heap_kept = fibre__map(HEAP);
    f->data_kept = fibre__map(data);
    f->data_pristine = fibre__map(data);
    dl_iterate_phdr(fibre__find_tls, NULL);
    if (f->tls_size > TLS_MOST) {
        fprintf(stderr, "explore: %zu bytes of thread-local storage are too many\n", f->tls_size);
        exit(2);
    }
    memcpy(f->tls_pristine, f->tls, f->tls_size);
    for (i = 0; i < EXPLORE_THREADS; i++) {
        getcontext(&f->here);
        f->here.uc_stack.ss_sp = fibre__map(STACK);
        f->here.uc_stack.ss_size = STACK;
        f->here.uc_link = NULL;
        makecontext(&f->here, fibre__foot, 0);
        x->current = i;
        swapcontext(&f->home, &f->here);
    }
    x->current = QUIET;
    memcpy(f->data_pristine, __data_start, data);
}

/* -- memory ------------------------------------------------------------------------------------------------------------------ */

/* Each thread has its own part, so that addresses depend on nobody else. */
void *fibre_heap(size_t bytes, size_t align)
{
    size_t *u = &used[x->current];
    *u = (*u + align - 1) / align * align;
    if (*u + bytes > REGION)
        explore_fail("the explorer's heap is too small");
    *u += bytes;
    if (*u > f->used_most[x->current])
        f->used_most[x->current] = *u;
    return f->heap + x->current * (size_t)REGION + *u - bytes;
}

void fibre_pristine(void)
{
    unsigned i;
    memcpy(__data_start, f->data_pristine, (size_t)(_end - __data_start));
    memset(f->heap, 0, HEAP);
    memcpy(f->tls, f->tls_pristine, f->tls_size);
    for (i = 0; i < ALL; i++)
        memcpy(x->thread[i].tls, f->tls_pristine, f->tls_size);
}

void fibre_keep(void)
{
    unsigned i;
    memcpy(f->data_kept, __data_start, (size_t)(_end - __data_start));
    memcpy(f->heap_kept, f->heap, HEAP);
    memcpy(x->thread[QUIET].tls, f->tls, f->tls_size);
    for (i = 0; i < ALL; i++) {
        f->used_kept[i] = f->used_most[i] = used[i];
        memcpy(x->thread[i].tls_start, x->thread[i].tls, f->tls_size);
    }
}

void fibre_put_back(void)
{
    unsigned i;
    memcpy(__data_start, f->data_kept, (size_t)(_end - __data_start));
    for (i = 0; i < ALL; i++) {
        char *region = f->heap + i * (size_t)REGION;
        memcpy(region, f->heap_kept + i * (size_t)REGION, f->used_kept[i]);
        memset(region + f->used_kept[i], 0, f->used_most[i] - f->used_kept[i]);
        memcpy(x->thread[i].tls, x->thread[i].tls_start, f->tls_size);
    }
    memcpy(f->tls, x->thread[QUIET].tls_start, f->tls_size);
}
