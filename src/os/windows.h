/* src/os/windows.h - what the Windows files share, private to src/os. */
#ifndef WEIR_OS_WINDOWS_H
#define WEIR_OS_WINDOWS_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

int windows_error(void);        /* GetLastError as a negative errno */

#endif
