/* tests/weir_test.h - what every test includes first: cmocka, and the headers that cmocka wants before it. */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#endif
