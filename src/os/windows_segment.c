/* src/os/windows_segment.c - the segments of os.h on Windows: files "weir.<name>" in the directory "weir" of the temporary files.
 *
 * Theory. A mapping without a file is gone with its last handle; a segment stays until it is unlinked, so it is a file, sparse where the file system has
 * that. The range in front and the mapping are reserved as one and released, and the two are taken in their places: another thread may be faster, so it is
 * tried again. Windows gives a mapped file its room when a page is written back; a full disk is found by it then, so allocate has nothing to do.
 * A file that is mapped can't be deleted, but renamed: unlink frees the name, and the next create deletes what is left over.
 *
 *   create, open, each, unlink    any at once; of two creates one gets -EEXIST
 *   allocate, punch               any at once, on other parts
 *   close                         alone on its segment
 *   progress: system calls
 */
#include "common.h"
#include "windows.h"

#include "../atomic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <winioctl.h>

enum { WINDOWS_PATH = 512, WINDOWS_TRIES = 64 };

static int windows__file_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return -ENOENT;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return -EEXIST;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return -EACCES;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return -ENOSPC;
    default:
        return windows_error();
    }
}

/* "" as the file: the directory. It is made if it isn't there. */
static int windows__path(const char *file, char *out, size_t size)
{
    char temp[MAX_PATH + 1];
    DWORD bytes = GetTempPathA(sizeof temp, temp);
    if (bytes == 0 || bytes >= sizeof temp)
        return -ENAMETOOLONG;
    int written = snprintf(out, size, "%sweir", temp);
    if (written < 0 || (size_t)written + 1 + strlen(file) >= size)
        return -ENAMETOOLONG;
    (void)CreateDirectoryA(out, NULL);
    if (*file)
        (void)snprintf(out + written, size - (size_t)written, "\\%s", file);
    return 0;
}

static int windows__segment_path(const char *name, char *out, size_t size)
{
    char file[256];
    int error = common_name(name);
    if (error)
        return error;
    (void)snprintf(file, sizeof file, "%s%s", COMMON_PREFIX, name);
    return windows__path(file, out, size);
}

int os_segment_path(const char *name, char *out, size_t size)
{
    DWORD saved = GetLastError();
    int error = windows__segment_path(name, out, size);
    SetLastError(saved);
    return error;
}

/* Both parts in their places, or NULL. */
static void *windows__map_at(HANDLE section, size_t bytes, size_t before, DWORD access)
{
    char *range = VirtualAlloc(NULL, before + bytes, MEM_RESERVE, PAGE_NOACCESS);
    if (range == NULL)
        return NULL;
    (void)VirtualFree(range, 0, MEM_RELEASE);
    if (before > 0 && VirtualAlloc(range, before, MEM_RESERVE, PAGE_NOACCESS) == NULL)
        return NULL;
    void *base = MapViewOfFileEx(section, access, 0, 0, bytes, range + before);
    if (base == NULL && before > 0) {
        DWORD error = GetLastError();
        (void)VirtualFree(range, 0, MEM_RELEASE);
        SetLastError(error);
    }
    return base;
}

/* A view begins at a multiple of 64 KiB: so does the range, and so must what is in front of it end. */
static int windows__map(struct os_segment *out, HANDLE file, size_t bytes, size_t before, bool write)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    size_t grain = info.dwAllocationGranularity, whole = (before + grain - 1) / grain * grain;
    HANDLE section = CreateFileMappingA(file, NULL, write ? PAGE_READWRITE : PAGE_READONLY, (DWORD)((uint64_t)bytes >> 32), (DWORD)bytes, NULL);
    if (section == NULL)
        return windows__file_error();
    void *base = NULL;
    for (int tries = 0; base == NULL && tries < WINDOWS_TRIES; tries++)
        base = windows__map_at(section, bytes, whole, write ? FILE_MAP_WRITE : FILE_MAP_READ);
    int error = base == NULL ? -ENOMEM : 0;
    (void)CloseHandle(section);
    *out = (struct os_segment){.base = base, .bytes = bytes, .before = before, .file = (intptr_t)file};
    return error;
}

static HANDLE windows__file(const char *path, DWORD access, DWORD how)
{
    return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
}

/* Files that were mapped when they were unlinked. */
static void windows__sweep(void)
{
    char path[WINDOWS_PATH], left[WINDOWS_PATH];
    WIN32_FIND_DATAA found;
    if (windows__path("gone.*", path, sizeof path))
        return;
    HANDLE search = FindFirstFileA(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return;
    do {
        if (windows__path(found.cFileName, left, sizeof left) == 0)
            (void)DeleteFileA(left);
    } while (FindNextFileA(search, &found));
    (void)FindClose(search);
}

static int windows__create(struct os_segment *out, const char *name, size_t bytes, size_t before)
{
    char path[WINDOWS_PATH];
    DWORD returned;
    LARGE_INTEGER end = {.QuadPart = (LONGLONG)bytes};
    int error = windows__segment_path(name, path, sizeof path);
    if (error)
        return error;
    if (bytes > PTRDIFF_MAX - before)
        return -EFBIG;
    windows__sweep();
    HANDLE file = windows__file(path, GENERIC_READ | GENERIC_WRITE | DELETE, CREATE_NEW);
    if (file == INVALID_HANDLE_VALUE)
        return windows__file_error();
    (void)DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &returned, NULL);
    if (!SetFilePointerEx(file, end, NULL, FILE_BEGIN) || !SetEndOfFile(file))
        error = windows__file_error();
    if (error == 0)
        error = windows__map(out, file, bytes, before, true);
    if (error) {
        (void)CloseHandle(file);
        (void)DeleteFileA(path);
    }
    return error;
}

/* The file takes the rights of the temporary directory, which is its user's: there is no mode. */
int os_segment_create(struct os_segment *out, const char *name, size_t bytes, size_t before, unsigned mode)
{
    DWORD saved = GetLastError();
    (void)mode;
    int error = windows__create(out, name, bytes, before);
    SetLastError(saved);
    return error;
}

static int windows__open(struct os_segment *out, const char *name, size_t before, bool write)
{
    char path[WINDOWS_PATH];
    LARGE_INTEGER size = {.QuadPart = 0};
    int error = windows__segment_path(name, path, sizeof path);
    if (error)
        return error;
    HANDLE file = windows__file(path, write ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ, OPEN_EXISTING);
    if (file == INVALID_HANDLE_VALUE)
        return windows__file_error();
    if (GetFileType(file) != FILE_TYPE_DISK)
        error = -EINVAL;
    else if (!GetFileSizeEx(file, &size))
        error = windows__file_error();
    else if (size.QuadPart == 0)
        error = -EAGAIN;
    if (error == 0)
        error = windows__map(out, file, (size_t)size.QuadPart, before, write);
    if (error)
        (void)CloseHandle(file);
    return error;
}

int os_segment_open(struct os_segment *out, const char *name, size_t before, bool write)
{
    DWORD saved = GetLastError();
    int error = windows__open(out, name, before, write);
    SetLastError(saved);
    return error;
}

static bool windows__within(const struct os_segment *s, size_t at, size_t bytes)
{
    return at <= s->bytes && bytes <= s->bytes - at;
}

int os_segment_allocate(const struct os_segment *s, size_t at, size_t bytes)
{
    if (!common_may_commit())
        return -ENOSPC;
    return windows__within(s, at, bytes) ? 0 : -EINVAL;
}

/* The file system may refuse to take room from a mapped file: then it is zeroes alone. */
int os_segment_punch(const struct os_segment *s, size_t at, size_t bytes)
{
    DWORD saved = GetLastError(), returned;
    FILE_ZERO_DATA_INFORMATION part = {.FileOffset = {.QuadPart = (LONGLONG)at}, .BeyondFinalZero = {.QuadPart = (LONGLONG)(at + bytes)}};
    if (!windows__within(s, at, bytes))
        return -EINVAL;
    (void)DeviceIoControl((HANDLE)s->file, FSCTL_SET_ZERO_DATA, &part, sizeof part, NULL, 0, &returned, NULL);
    const char *base = (const char *)s->base + at;
    size_t first = 0;
    while (first < bytes && base[first] == 0)
        first++;
    memset((char *)s->base + at + first, 0, bytes - first);
    SetLastError(saved);
    return 0;
}

void os_segment_close(struct os_segment *s)
{
    DWORD saved = GetLastError();
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    size_t grain = info.dwAllocationGranularity, whole = (s->before + grain - 1) / grain * grain;
    (void)UnmapViewOfFile(s->base);
    if (whole > 0)
        (void)VirtualFree((char *)s->base - whole, 0, MEM_RELEASE);
    (void)CloseHandle((HANDLE)s->file);
    SetLastError(saved);
    s->base = NULL;
    s->file = -1;
}

/* There is no fork. */
int os_segment_private_copy(struct os_segment *s)
{
    (void)s;
    return -ENOTSUP;
}

static int windows__unlink(const char *name)
{
    static uint32_t last;
    char path[WINDOWS_PATH], gone[WINDOWS_PATH], file[64];
    int error = windows__segment_path(name, path, sizeof path);
    if (error)
        return error;
    if (GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES)
        return windows__file_error();
    /* windows_segment.N1 -> windows_segment.N1: the number alone */
    (void)snprintf(file, sizeof file, "gone.%lu.%lu", (unsigned long)GetCurrentProcessId(), (unsigned long)add_32(&last, 1));
    error = windows__path(file, gone, sizeof gone);
    if (error)
        return error;
    (void)DeleteFileA(gone);
    if (!MoveFileExA(path, gone, 0))
        return DeleteFileA(path) ? 0 : windows__file_error();
    (void)DeleteFileA(gone);
    return 0;
}

int os_segment_unlink(const char *name)
{
    DWORD saved = GetLastError();
    int error = windows__unlink(name);
    SetLastError(saved);
    return error;
}

static int windows__each(int (*fn)(const char *name, void *arg), void *arg)
{
    char path[WINDOWS_PATH];
    WIN32_FIND_DATAA found;
    int answer = windows__path(COMMON_PREFIX "*", path, sizeof path);
    if (answer)
        return answer;
    HANDLE search = FindFirstFileA(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_FILE_NOT_FOUND ? 0 : windows__file_error();
    do {
        if (strlen(found.cFileName) > strlen(COMMON_PREFIX))
            answer = fn(found.cFileName + strlen(COMMON_PREFIX), arg);
    } while (answer == 0 && FindNextFileA(search, &found));
    (void)FindClose(search);
    return answer;
}

int os_segment_each(int (*fn)(const char *name, void *arg), void *arg)
{
    DWORD saved = GetLastError();
    int answer = windows__each(fn, arg);
    SetLastError(saved);
    return answer;
}
