/* src/os/windows_module.c - what is in the process on Windows: modules, stacks, the environment; and page protection.
 *
 * Theory. The loader says which module an address is of; its handle is where it was loaded. Its build id is the GUID and the age of the debug directory's
 * CodeView entry, as symbol servers file it: the 16 bytes of the GUID and the 4 of the age. The headers are those of a loaded image, yet every offset in
 * them is held against the image's size.
 *
 *   any function x any function: at once.   progress: os_module_of may wait for the loader's lock
 */
#include "os.h"
#include "windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS_FRAMES = 62 };                   /* what all versions of the system can give at once */

struct windows_code_view {                      /* "RSDS", GUID, age, then a path */
    char signature[4];
    uint8_t id[20];
};

static const void *windows__part(const char *image, size_t bytes, DWORD at, size_t size)
{
    return size <= bytes && at <= bytes - size ? image + at : NULL;
}

static void windows__build_id(const char *image, struct os_module *out)
{
    const IMAGE_DOS_HEADER *dos = (const void *)image;
    const IMAGE_NT_HEADERS *head = (const void *)(image + dos->e_lfanew);
    if (dos->e_magic != IMAGE_DOS_SIGNATURE || head->Signature != IMAGE_NT_SIGNATURE)
        return;
    size_t bytes = head->OptionalHeader.SizeOfImage;
    const IMAGE_DATA_DIRECTORY *place = &head->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_DEBUG];
    const IMAGE_DEBUG_DIRECTORY *entry = windows__part(image, bytes, place->VirtualAddress, place->Size);
    for (size_t i = 0; entry && i < place->Size / sizeof *entry; i++) {
        const struct windows_code_view *view = windows__part(image, bytes, entry[i].AddressOfRawData, sizeof *view);
        if (entry[i].Type == IMAGE_DEBUG_TYPE_CODEVIEW && entry[i].AddressOfRawData && view && memcmp(view->signature, "RSDS", 4) == 0) {
            memcpy(out->build_id, view->id, sizeof view->id);
            out->id_bytes = sizeof view->id;
            return;
        }
    }
}

/* base is the image's: debug information of mingw counts from the image base that it was linked for. */
void os_module_hold(void)
{
}

void os_module_let_go(void)
{
}

int os_module_of(const void *address, struct os_module *out)
{
    DWORD saved = GetLastError();
    HMODULE module = NULL;
    bool found = address != NULL &&             /* NULL would be the program */
                 GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, address, &module);
    if (found) {
        *out = (struct os_module){.base = (uint64_t)(uintptr_t)module};
        if (GetModuleFileNameA(module, out->path, sizeof out->path) >= sizeof out->path)
            out->path[sizeof out->path - 1] = 0;
        windows__build_id((const char *)module, out);
    }
    SetLastError(saved);
    return found ? 0 : -ENOENT;
}

unsigned os_stack(const void **out, unsigned n, const void *from)
{
    void *all[WINDOWS_FRAMES];
    DWORD saved = GetLastError();
    unsigned got = CaptureStackBackTrace(0, WINDOWS_FRAMES, all, NULL), first = 0, frames = 0;
    SetLastError(saved);
    while (first < got && all[first] != from)
        first++;
    if (first == got)
        first = 0;
    while (frames < n && first < got)
        out[frames++] = all[first++];
    return frames;
}

const char *os_environment(const char *name)
{
    return getenv(name);
}

int os_protect(void *base, size_t bytes, bool accessible)
{
    DWORD saved = GetLastError(), old;
    int error = VirtualProtect(base, bytes, accessible ? PAGE_READWRITE : PAGE_NOACCESS, &old) ? 0 : windows_error();
    SetLastError(saved);
    return error;
}
