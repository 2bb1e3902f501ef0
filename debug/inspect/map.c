/* map.c - maps a file read-only, for weir-inspect; the rest of what it asks of the system is in src/os. A page is rounded up: what lies behind a file's
 * end in its last page reads as zero. */
#include "inspect.h"

#include "../../src/os/os.h"

#include <errno.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>

int map_open(struct mapping *out, const char *path)
{
    HANDLE file, section;
    LARGE_INTEGER size;
    memset(out, 0, sizeof *out);
    file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_ACCESS_DENIED ? -EACCES : -ENOENT;
    if (!GetFileSizeEx(file, &size) || !size.QuadPart) {
        CloseHandle(file);
        return -EINVAL;
    }
    section = CreateFileMappingA(file, NULL, PAGE_READONLY, 0, 0, NULL);
    CloseHandle(file);
    if (!section)
        return -EACCES;
    out->base = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    CloseHandle(section);
    out->bytes = (size_t)size.QuadPart;
    return out->base ? 0 : -ENOMEM;
}

void map_close(struct mapping *m)
{
    if (m->base)
        UnmapViewOfFile(m->base);
    m->base = NULL;
}
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int map_open(struct mapping *out, const char *path)
{
    struct stat info;
    void *base;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error = 0;
    memset(out, 0, sizeof *out);
    if (file < 0)
        return -errno;
    if (fstat(file, &info) != 0)
        error = -errno;
    else if (!S_ISREG(info.st_mode) || info.st_size == 0)
        error = -EINVAL;
    base = error ? NULL : mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, file, 0);
    if (base == MAP_FAILED)
        error = -errno;
    close(file);
    if (error)
        return error;
    out->base = base;
    out->bytes = (size_t)info.st_size;
    return 0;
}

void map_close(struct mapping *m)
{
    if (m->base)
        munmap((void *)(uintptr_t)m->base, m->bytes);
    m->base = NULL;
}
#endif

void map_sleep(int64_t ns)
{
    uint32_t nobody = 0;
    int64_t until = os_now() + ns;
    while (os_wait(&nobody, 0, until) == 0) {
    }
}
