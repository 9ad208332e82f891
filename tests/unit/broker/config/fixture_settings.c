/* See fixture_settings.h. */
#include "fixture_settings.h"

bool settings_try(settings_t *settings, const char *text, zr_error_t *error) {
    dir_begin();
    settings_default(settings);
    bool ok = zr_settings_read(&settings_table, settings, dir_write("z.conf", text, 0600), error) &&
              settings_complete(settings, error);
    dir_end();
    return ok;
}

void settings_good(settings_t *settings, const char *text) {
    zr_error_t error = {0};
    ck_assert_msg(settings_try(settings, text, &error), "%s", error.text);
}

void settings_bad(const char *text, const char *part) {
    settings_t settings;
    zr_error_t error = {0};
    ck_assert_msg(!settings_try(&settings, text, &error), "accepted: %s", text);
    ck_assert_msg(strstr(error.text, part) != NULL, "'%s' does not say '%s'", error.text, part);
    ck_assert_uint_eq(error.count, 1);
}

void settings_assert_endpoints(const settings_endpoints_t *endpoints, const char *expected) {
    char all[1000] = "";
    for (size_t i = 0; i < endpoints->count; i++) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_format(&endpoints->items[i], text);
        strcat(all, i ? " " : "");
        strcat(all, text);
    }
    ck_assert_str_eq(all, expected);
}
