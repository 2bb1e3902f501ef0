/* src/os/linux_memory.c - the memory part of os.h on Linux.
 *
 * Theory. A reservation is PROT_NONE | MAP_NORESERVE. Commit is a change of protection, so that repeating it changes nothing,
 * whoever uses the memory meanwhile; pages appear at the first touch. Decommit drops the pages first and the access
 * afterwards. mmap and its family go through the C library, so that sanitizers see them. Threads: the kernel orders calls on
 * one range.
 *
 * What can go wrong: each change of access may split a mapping (vm.max_map_count; -ENOMEM), so commit in few large pieces.
 * With vm.overcommit_memory=2 the kernel keeps charging for what was decommitted until it is released.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "common.h"
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Values that old headers lack, or that are only in the kernel's own. */
enum {
    LINUX_MADV_POPULATE_WRITE = 23,
    LINUX_MADV_DONTNEED_LOCKED = 24,
    LINUX_MPOL_BIND = 2,
    LINUX_NODES = 1024
};

long linux_read_file(const char *path, char *text, size_t size)
{
    long fd = linux_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    long bytes = fd;
    text[0] = 0;
    if (fd >= 0) {
        do {
            bytes = linux_call(SYS_read, fd, (long)text, (long)size - 1, 0, 0, 0);
        } while (bytes == -EINTR);
        (void)linux_call(SYS_close, fd, 0, 0, 0, 0, 0);
        text[bytes > 0 ? bytes : 0] = 0;
    }
    return bytes;
}

size_t os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t os_huge_page_size(void)
{
    char text[32];
    if (linux_read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", text, sizeof text) <= 0)
        return 0;
    int saved = errno;
    size_t bytes = strtoul(text, NULL, 10);
    errno = saved;
    return bytes;
}

/* A private anonymous range is taken larger than asked and trimmed to the aligned part. */
int os_reserve(void **out, size_t bytes, size_t align)
{
    size_t page = os_page_size();
    size_t extra = align > page ? align - page : 0;
    if (bytes > SIZE_MAX - extra)
        return -ENOMEM;
    int saved = errno;
    char *base = mmap(NULL, bytes + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error = errno;
    errno = saved;
    if (base == MAP_FAILED)
        return -error;
    size_t before = extra == 0 ? 0 : (size_t)(-(uintptr_t)base & (align - 1));
    if (before > 0)
        os_release(base, before);
    if (extra > before)
        os_release(base + before + bytes, extra - before);
    *out = base + before;
    return 0;
}

int linux_protect(void *base, size_t bytes, int access)
{
    int saved = errno;
    int error = mprotect(base, bytes, access) == 0 ? 0 : errno;
    errno = saved;
    return -error;
}

int linux_advise(void *base, size_t bytes, int advice)
{
    int saved = errno;
    int error = madvise(base, bytes, advice) == 0 ? 0 : errno;
    errno = saved;
    return -error;
}

int os_commit(void *base, size_t bytes)
{
    if (!common_may_commit())
        return -ENOMEM;
    return linux_protect(base, bytes, PROT_READ | PROT_WRITE);
}

/* Under mlockall MADV_DONTNEED is refused; Linux 5.18 has a form of it for locked pages. */
int os_discard(void *base, size_t bytes)
{
    int error = linux_advise(base, bytes, MADV_DONTNEED);
    if (error == -EINVAL)
        error = linux_advise(base, bytes, LINUX_MADV_DONTNEED_LOCKED);
    return error;
}

int os_decommit(void *base, size_t bytes)
{
    int error = os_discard(base, bytes);
    return error != 0 ? error : linux_protect(base, bytes, PROT_NONE);
}

void os_release(void *base, size_t bytes)
{
    int saved = errno;
    (void)munmap(base, bytes);
    errno = saved;
}

int os_advise_huge(void *base, size_t bytes)
{
    int error = linux_advise(base, bytes, MADV_HUGEPAGE);
    return error == -EINVAL ? -ENOTSUP : error;     /* EINVAL: a kernel without transparent huge pages */
}

/* The nodes that have memory, as the kernel lists them ("0", "0-1", "0,2-3"). One that tells nothing has node 0 alone. */
static unsigned linux__count_nodes(int wanted, bool *found)
{
    char text[1024];
    unsigned count = 0;
    *found = false;
    if (linux_read_file("/sys/devices/system/node/has_memory", text, sizeof text) <= 0)
        memcpy(text, "0", 2);
    int saved = errno;
    for (char *at = text; *at >= '0' && *at <= '9';) {
        long first = strtol(at, &at, 10);
        long last = *at == '-' ? strtol(at + 1, &at, 10) : first;
        count += (unsigned)(last - first + 1);
        *found = *found || (wanted >= first && wanted <= last);
        at += *at == ',';
    }
    errno = saved;
    return count;
}

bool os_node_exists(int node)
{
    bool found;
    (void)linux__count_nodes(node, &found);
    return found;
}

/* On a machine with one node there is nothing to bind, which matters in containers that forbid mbind. */
int os_bind_node(void *base, size_t bytes, int node)
{
    const unsigned bits = 8 * sizeof(unsigned long);
    unsigned long mask[LINUX_NODES / 8 / sizeof(unsigned long)] = {0};
    bool found;
    unsigned nodes = linux__count_nodes(node, &found);
    if (!found || node >= LINUX_NODES)
        return -EINVAL;
    if (nodes == 1)
        return 0;
    mask[(unsigned)node / bits] = 1ul << ((unsigned)node % bits);
    return (int)linux_call(SYS_mbind, (long)base, (long)bytes, LINUX_MPOL_BIND, (long)mask, LINUX_NODES + 1, 0);
}

/* Kernels before 5.14 don't know MADV_POPULATE_WRITE. */
int os_populate(void *base, size_t bytes)
{
    int error = linux_advise(base, bytes, LINUX_MADV_POPULATE_WRITE);
    if (error != -EINVAL)
        return error;
    common_touch(base, bytes);
    return 0;
}

/* Bit 3 of the filter: mappings of files that are shared. */
void os_keep_in_core(void)
{
    char text[32];
    unsigned long filter;
    long fd, length;
    int saved = errno;
    if (linux_read_file("/proc/self/coredump_filter", text, sizeof text) == 0)
        return;
    filter = strtoul(text, NULL, 16) | 8;
    errno = saved;
    fd = linux_call(SYS_openat, AT_FDCWD, (long)"/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        return;
    length = snprintf(text, sizeof text, "0x%lx\n", filter);
    (void)linux_call(SYS_write, fd, (long)text, length, 0, 0, 0);
    (void)linux_call(SYS_close, fd, 0, 0, 0, 0, 0);
}
