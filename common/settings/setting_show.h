/* Settings as text: what a program has in force, and how two sets of settings differ. A kind without `show` is left
 * out. */
#ifndef ZR_SETTING_SHOW_H
#define ZR_SETTING_SHOW_H

#include "buffer.h"
#include "setting.h"

/* Appends all rows that have a value, as a configuration file that zr_settings_parse reads. */
void zr_settings_write(const zr_setting_table_t *table, void *settings, zr_buffer_t *out);

/* A setting that differs. Its name is "section/name"; in an item of a list "section KEY/name", or "section (order)" when
 * the same items stand in another order. The values of a list are joined by " and ". Empty: it has none. Views are valid
 * during the call. */
typedef void(zr_setting_differs_fn)(void *ctx, const char *name, const char *before, const char *after);

/* Calls `each` for each setting that differs, in the order of the table. Returns their count. */
size_t zr_settings_compare(
    const zr_setting_table_t *table, void *before, void *after, zr_setting_differs_fn *each, void *ctx);

#endif
