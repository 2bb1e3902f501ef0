/* src/os/windows_memory.c - the memory part of os.h on Windows.
 *
 * Theory. VirtualAlloc reserves, commits and decommits; to commit what is committed keeps its contents. A reservation is
 * released whole. All leave GetLastError as it was. Threads: the system orders calls on one range.
 *
 * What can go wrong: the system prefers a node only for ranges that are reserved for it from the start (a commit's node is
 * ignored), so on a machine with more than one node os_bind_node is -ENOTSUP.
 */
#include "common.h"
#include "windows.h"

#include <errno.h>

size_t os_page_size(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
}

/* Large pages need a privilege that servers don't have, and can't be committed in steps. */
size_t os_huge_page_size(void)
{
    return 0;
}

/* An aligned address is found by reserving more, and then taken: another thread may be faster, so it is tried again. */
static char *windows__reserve(size_t bytes, size_t align)
{
    for (int tries = 0; tries < 64; tries++) {
        char *base = VirtualAlloc(NULL, bytes + align, MEM_RESERVE, PAGE_NOACCESS);
        if (base == NULL)
            return NULL;
        char *aligned = base + (-(uintptr_t)base & (align - 1));
        (void)VirtualFree(base, 0, MEM_RELEASE);
        base = VirtualAlloc(aligned, bytes, MEM_RESERVE, PAGE_NOACCESS);
        if (base != NULL)
            return base;
    }
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
}

int os_reserve(void **out, size_t bytes, size_t align)
{
    DWORD saved = GetLastError();
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    char *base;
    if (bytes > SIZE_MAX - align)
        return -ENOMEM;
    if (align <= info.dwAllocationGranularity)
        base = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_NOACCESS);
    else
        base = windows__reserve(bytes, align);
    int error = base == NULL ? windows_error() : 0;
    SetLastError(saved);
    if (base != NULL)
        *out = base;
    return error == -EINVAL && bytes > 0 ? -ENOMEM : error;     /* more than there is address space */
}

static int windows__alloc(void *base, size_t bytes, DWORD how, DWORD access)
{
    DWORD saved = GetLastError();
    int error = VirtualAlloc(base, bytes, how, access) != NULL ? 0 : windows_error();
    SetLastError(saved);
    return error;
}

int os_commit(void *base, size_t bytes)
{
    if (!common_may_commit())
        return -ENOMEM;
    return windows__alloc(base, bytes, MEM_COMMIT, PAGE_READWRITE);
}

int os_decommit(void *base, size_t bytes)
{
    DWORD saved = GetLastError();
    int error = VirtualFree(base, bytes, MEM_DECOMMIT) ? 0 : windows_error();
    SetLastError(saved);
    return error;
}

/* MEM_RESET says that the contents don't matter; to unlock what isn't locked takes it out of the working set. */
int os_discard(void *base, size_t bytes)
{
    int error = windows__alloc(base, bytes, MEM_RESET, PAGE_READWRITE);
    DWORD saved = GetLastError();
    if (error == 0)
        (void)VirtualUnlock(base, bytes);
    SetLastError(saved);
    return error;
}

void os_release(void *base, size_t bytes)
{
    DWORD saved = GetLastError();
    (void)bytes;
    (void)VirtualFree(base, 0, MEM_RELEASE);
    SetLastError(saved);
}

int os_advise_huge(void *base, size_t bytes)
{
    (void)base;
    (void)bytes;
    return -ENOTSUP;
}

static ULONG windows__highest_node(void)
{
    DWORD saved = GetLastError();
    ULONG highest = 0;
    if (!GetNumaHighestNodeNumber(&highest))
        highest = 0;
    SetLastError(saved);
    return highest;
}

bool os_node_exists(int node)
{
    return node >= 0 && (ULONG)node <= windows__highest_node();
}

int os_bind_node(void *base, size_t bytes, int node)
{
    (void)base;
    (void)bytes;
    if (!os_node_exists(node))
        return -EINVAL;
    return windows__highest_node() == 0 ? 0 : -ENOTSUP;
}

int os_populate(void *base, size_t bytes)
{
    common_touch(base, bytes);
    return 0;
}

void os_keep_in_core(void)
{
}
