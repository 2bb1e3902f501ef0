/* src/os/windows.c - os.h on 64-bit Windows (8 and later, and Wine): the barrier, threads, waiting. Memory: windows_memory.c.
 *
 * Theory. Each function is one system call or a few. None touches errno, and all leave GetLastError as it was: callers ask
 * for it after calls of theirs that look unrelated to ours.
 *
 * Threads. The value of a thread is a TLS slot (TlsAlloc: mingw's __thread is emulated with memory that is gone before the
 * thread is). Its exit is told by the image's TLS callback, DLL_THREAD_DETACH: it comes once, on the exiting thread, whichever
 * of its fibres runs; fibres share their thread's value, and deleting one means nothing. Fibre-local storage would also call
 * for a fibre that another thread deletes, and would not call for a thread that ends on another fibre than the one that set the
 * value. fn runs under the loader's lock: it must not wait for another thread's start, exit or LoadLibrary. A thread that is
 * terminated, and the threads that process exit ends, never see fn.
 *
 *   any function x any function: may run at once, but os_thread_on_exit comes first and once.
 *   progress: os_wait and os_barrier may block, all else is a bounded number of steps.
 *
 * The barrier is FlushProcessWriteBuffers. Wine's is an empty stub, so there it counts as none.
 */
#include "os.h"
#include "windows.h"

#include "../atomic.h"

#include <errno.h>
#include <string.h>

int windows_error(void)
{
    switch (GetLastError()) {
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
        return -ENOMEM;
    case ERROR_TOO_MANY_OPEN_FILES:
        return -EMFILE;
    default:
        return -EINVAL;
    }
}

/* -- the process-wide barrier ------------------------------------------------------------------------------------------ */

enum { WINDOWS_UNKNOWN, WINDOWS_WORKS, WINDOWS_NONE };
static uint32_t windows__barrier_state;

/* Two threads may do this at once; the first answer stays. */
static uint32_t windows__barrier_probe(void)
{
    DWORD saved = GetLastError();
    char value[2];
    SetLastError(ERROR_SUCCESS);
    bool forbidden = GetEnvironmentVariableA("WEIR_NO_BARRIER", value, sizeof value) != 0 ||
                     GetLastError() != ERROR_ENVVAR_NOT_FOUND;
    HMODULE ntdll = GetModuleHandleA("ntdll.dll");
    bool wine = ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
    uint32_t state = forbidden || wine ? WINDOWS_NONE : WINDOWS_WORKS, seen = WINDOWS_UNKNOWN;
    if (!cas_32(&windows__barrier_state, &seen, state))             /* windows.B1 -> windows.B2: the answer */
        state = seen;
    SetLastError(saved);
    return state;
}

bool os_barrier_works(void)
{
    uint32_t state = load_acquire_32(&windows__barrier_state);  /* windows.B2 <- windows.B1 */
    if (state == WINDOWS_UNKNOWN)
        state = windows__barrier_probe();
    return state == WINDOWS_WORKS;
}

void os_barrier(void)
{
    if (os_barrier_works())
        FlushProcessWriteBuffers();
    else
        /* windows.F2 <-> windows.F2: of this thread alone: os_barrier_works said so */
        fence();
}

/* There is none between processes. */
bool os_barrier_shared_works(void)
{
    return false;
}

void os_barrier_shared(void)
{
    fence();                                                    /* windows.F2: of this thread alone: os_barrier_shared_works said so */
}

/* -- threads ----------------------------------------------------------------------------------------------------------- */

static DWORD windows__slot = TLS_OUT_OF_INDEXES;
static void (*windows__exit_fn)(void *);
static char windows__dying;             /* its address is the value of a thread whose fn has begun */

static void *windows__slot_value(void)
{
    if (windows__slot == TLS_OUT_OF_INDEXES)
        return NULL;
    DWORD saved = GetLastError();       /* TlsGetValue clears it */
    void *value = TlsGetValue(windows__slot);
    SetLastError(saved);
    return value;
}

static void NTAPI windows__thread_exit(PVOID module, DWORD reason, PVOID reserved)
{
    (void)module;
    (void)reserved;
    if (reason != DLL_THREAD_DETACH || os_thread_dying())
        return;
    void *value = os_thread_value();
    if (value == NULL)
        return;
    (void)TlsSetValue(windows__slot, &windows__dying);
    windows__exit_fn(value);
}

/* The linker gathers the callbacks of an image, a program's or a DLL's, from the sections of this name. */
__attribute__((section(".CRT$XLC"), used)) static const PIMAGE_TLS_CALLBACK windows__tls_callback = windows__thread_exit;

void os_thread_on_exit(void (*fn)(void *))
{
    DWORD saved = GetLastError();
    windows__exit_fn = fn;
    windows__slot = TlsAlloc();
    SetLastError(saved);
}

void *os_thread_value(void)
{
    void *value = windows__slot_value();
    return value == &windows__dying ? NULL : value;
}

int os_thread_set(void *value)
{
    if (windows__slot == TLS_OUT_OF_INDEXES)
        return -EAGAIN;
    if (os_thread_dying())
        return -ECANCELED;
    DWORD saved = GetLastError();
    int error = TlsSetValue(windows__slot, value) ? 0 : -ENOMEM;
    SetLastError(saved);
    return error;
}

bool os_thread_dying(void)
{
    return windows__slot_value() == &windows__dying;
}

unsigned os_thread_number(void)
{
    return (unsigned)GetCurrentThreadId() >> 2;     /* they are multiples of 4 */
}

void os_yield(void)
{
    (void)SwitchToThread();
}

/* A process that runs in several groups of processors is told no mask. */
unsigned os_cpus(void)
{
    DWORD saved = GetLastError();
    DWORD_PTR mask = 0, all = 0;
    unsigned count = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &mask, &all))
        count = (unsigned)__builtin_popcountll(mask);
    if (count == 0)
        count = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    SetLastError(saved);
    return count > 0 ? count : 1;
}

int64_t os_pid(void)
{
    return GetCurrentProcessId();
}

void os_on_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    (void)before;
    (void)parent;
    (void)child;
}

/* -- waiting ----------------------------------------------------------------------------------------------------------- */

/* Milliseconds until the deadline, rounded up; what is too far sleeps as long as can be said and then for no reason. */
static DWORD windows__milliseconds(int64_t deadline)
{
    if (deadline == INT64_MAX)
        return INFINITE;
    int64_t now = os_now();
    if (deadline <= now)
        return 0;
    uint64_t left = ((uint64_t)(deadline - now) + 999999) / 1000000;
    return left < INFINITE ? (DWORD)left : INFINITE - 1;
}

int os_wait(uint32_t *word, uint32_t expected, int64_t deadline)
{
    DWORD saved = GetLastError();
    BOOL woken = WaitOnAddress(word, &expected, sizeof expected, windows__milliseconds(deadline));
    SetLastError(saved);
    return !woken && deadline != INT64_MAX && os_now() >= deadline ? -ETIMEDOUT : 0;
}

void os_wake(uint32_t *word, unsigned n)
{
    if (n == 1)
        WakeByAddressSingle(word);
    else if (n > 1)
        WakeByAddressAll(word);         /* more than asked: those look again */
}

/* WaitOnAddress knows the threads of this process alone: nap, and look again. */
int os_wait_shared(uint32_t *word, uint32_t expected, int64_t deadline)
{
    uint32_t naps = 0;
    while (load_relaxed_32(word) == expected) {                 /* the caller looks again */
        if (deadline != INT64_MAX && os_now() >= deadline)
            return -ETIMEDOUT;
        Sleep(naps++ < 8 ? 0 : 1);
    }
    return 0;
}

void os_wake_shared(uint32_t *word, unsigned n)
{
    (void)word;
    (void)n;
}

int64_t os_now(void)
{
    LARGE_INTEGER ticks, hertz;
    (void)QueryPerformanceCounter(&ticks);
    (void)QueryPerformanceFrequency(&hertz);
    int64_t seconds = ticks.QuadPart / hertz.QuadPart, rest = ticks.QuadPart % hertz.QuadPart;
    return seconds * 1000000000 + rest * 1000000000 / hertz.QuadPart;
}

/* File times are in 100 ns since 1601. */
int64_t os_now_real(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return ((int64_t)((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) - INT64_C(116444736000000000)) * 100;
}

int64_t os_now_coarse(void)
{
    return os_now();
}

int os_event_create(void)
{
    DWORD saved = GetLastError();
    HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
    int error = event == NULL ? windows_error() : 0;
    SetLastError(saved);
    return event == NULL ? error : (int)(intptr_t)event;
}

static HANDLE windows__event(int event)
{
    return (HANDLE)(intptr_t)event;
}

void os_event_set(int event)
{
    DWORD saved = GetLastError();
    (void)SetEvent(windows__event(event));
    SetLastError(saved);
}

void os_event_reset(int event)
{
    DWORD saved = GetLastError();
    (void)ResetEvent(windows__event(event));
    SetLastError(saved);
}

void os_event_close(int event)
{
    DWORD saved = GetLastError();
    (void)CloseHandle(windows__event(event));
    SetLastError(saved);
}

/* -- the last resort --------------------------------------------------------------------------------------------------- */

void os_write_error(const char *text)
{
    DWORD saved = GetLastError(), written;
    (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, NULL);
    SetLastError(saved);
}

/* The callback above and the slot's value outlive every FreeLibrary. */
void os_pin_library(void)
{
    DWORD saved = GetLastError();
    HMODULE module;
    (void)GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                             (LPCSTR)&windows__dying, &module);
    SetLastError(saved);
}
