/* src/os/common.c - the parts of os.h that are the same on every system: the lock, injected failures, touching pages, pages, names of
 * segments.
 *
 * The lock is the third mutex of Drepper's "Futexes are tricky": word is 0 free, 1 locked, 2 locked and somebody may sleep.
 * Invariant: while a thread sleeps on the word, the word is 2 or a wake is on its way. Who had to wait takes the lock as 2,
 * since others may sleep still: the price is one wake too many. Not recursive, not fair; progress: blocks.
 *
 *            lock  unlock
 *   lock      yes   yes
 *   unlock    yes   no (one owner)
 */
#include "common.h"

#include "../atomic.h"

#include <errno.h>
#include <string.h>

void os_lock(struct os_lock *lock)
{
    uint32_t seen = 0;
    if (cas_32(&lock->word, &seen, 1))                      /* common.A1 <- common.R1: what the last owner wrote */
        return;
    while (swap_32(&lock->word, 2) != 0)                    /* common.A2 <- common.R1: the same, after a wait */
        (void)os_wait(&lock->word, 2, INT64_MAX);
}

void os_unlock(struct os_lock *lock)
{
    if (swap_32(&lock->word, 0) == 2)                       /* common.R1 -> common.A1, common.A2: what this owner wrote */
        os_wake(&lock->word, 1);
}

/* How many commits may still succeed, plus one; 0: all. relaxed common__commits: a test sets it before the calls that it is for. */
static uint64_t common__commits;

bool common_may_commit(void)
{
    uint64_t left = load_relaxed_64(&common__commits);
    while (left > 1 && !cas_64(&common__commits, &left, left - 1)) {    /* common.C1 -> common.C1: the number alone */
    }
    return left != 1;
}

void os_fail_commit_after(long after)
{
    store_relaxed_64(&common__commits, after < 0 ? 0 : (uint64_t)after + 1);
}

static size_t common__whole(size_t bytes)
{
    size_t page = os_page_size();
    return bytes > SIZE_MAX - page ? 0 : (bytes + page - 1) / page * page;
}

void *os_pages(size_t bytes)
{
    size_t whole = common__whole(bytes);
    void *pages;
    if (whole == 0 || os_reserve(&pages, whole, os_page_size()))
        return NULL;
    if (os_commit(pages, whole)) {
        os_release(pages, whole);
        return NULL;
    }
    return pages;
}

void os_pages_free(void *pages, size_t bytes)
{
    if (pages)
        os_release(pages, common__whole(bytes));
}

/* Others may use the memory meanwhile: a word of each page is or-ed with nothing, in one atomic step. */
void common_touch(void *base, size_t bytes)
{
    size_t page = os_page_size();
    for (size_t at = 0; at < bytes; at += page)
        (void)or_32((uint32_t *)(void *)((char *)base + at), 0);    /* common.T1 -> common.T1: nothing; the page is there */
}

/* What is a plain file name on both systems; a bad one is refused on either. */
int common_name(const char *name)
{
    if (strlen(name) > 200)
        return -ENAMETOOLONG;
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at < ' ' || strchr("/\\:*?\"<>|", *at))
            return -EINVAL;
    }
    return *name ? 0 : -EINVAL;
}
