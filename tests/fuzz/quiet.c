/* What all targets have in common. Log lines of the code under test: their text is made, which checks what goes into it,
 * and nothing is written. The linker puts this in the place of zr_log (-Wl,--wrap). */
#include <stdarg.h>
#include <stdio.h>

#include "fuzz.h"
#include "logger.h"

void __wrap_zr_log(zr_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

void __wrap_zr_log(zr_log_level_t level, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    fuzz_require((unsigned)level <= ZR_LOG_DEBUG && vsnprintf(text, sizeof text, format, args) > 0);
    va_end(args);
}

/* With its defaults AddressSanitizer takes most of the time for the memory that was freed. */
const char *__asan_default_options(void);

const char *__asan_default_options(void) {
    return "quarantine_size_mb=8:malloc_context_size=4";
}
