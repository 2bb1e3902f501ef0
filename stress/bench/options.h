/* options.h - what a bench's command line says, and says wrongly: exit status 2, with the option, its value and what would be right. */
#ifndef WEIR_STRESS_BENCH_OPTIONS_H
#define WEIR_STRESS_BENCH_OPTIONS_H

__attribute__((__noreturn__)) void option_refuse(const char *option, const char *value, const char *what);
double option_number(const char *option, const char *text, double least, double most);
unsigned option_count(const char *option, const char *text, unsigned least, unsigned most);
int option_write(const char *where, int (*write_all)(const char *));     /* where NULL: not asked for; else write_all's negative errno is told */

#endif
