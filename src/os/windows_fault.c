/* src/os/windows_fault.c - a look at access violations before whoever handles them: a vectored handler, which lets the search go on. */
#include "os.h"
#include "windows.h"
#include "../atomic.h"

static void (*fault__fn)(const void *address, const void *code);
static uint32_t fault__installed;

static LONG CALLBACK fault__handle(EXCEPTION_POINTERS *e)
{
    const EXCEPTION_RECORD *r = e->ExceptionRecord;
    DWORD saved = GetLastError();
    if (r->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && r->NumberParameters >= 2)
        fault__fn((const void *)r->ExceptionInformation[1], r->ExceptionAddress);
    SetLastError(saved);
    return EXCEPTION_CONTINUE_SEARCH;
}

void os_on_fault(void (*fn)(const void *address, const void *code))
{
    uint32_t no = 0;
    if (!cas_32(&fault__installed, &no, 1))                     /* fault.I1 -> fault.I1: one caller alone installs */
        return;
    fault__fn = fn;
    (void)AddVectoredExceptionHandler(1, fault__handle);
}
