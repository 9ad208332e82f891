/* Error codes by number and by name, both from the one table in code.h. */
#include "code.h"

static const char *const s_names[ZR_CODE_COUNT] = {
#define X(name, wire, text) [ZR_##name] = wire,
    ZR_CODES(X)
#undef X
};

static const char *const s_texts[ZR_CODE_COUNT] = {
#define X(name, wire, text) [ZR_##name] = text,
    ZR_CODES(X)
#undef X
};

const char *zr_code_name(zr_code_t code) {
    return (unsigned)code < ZR_CODE_COUNT ? s_names[code] : "unknown";
}

const char *zr_code_text(zr_code_t code) {
    return (unsigned)code < ZR_CODE_COUNT ? s_texts[code] : "an error that this version does not know";
}

zr_code_t zr_code_from_name(zr_span_t name) {
    for (unsigned code = 0; code < ZR_CODE_COUNT; code++)
        if (zr_span_equal(name, zr_span(s_names[code])))
            return (zr_code_t)code;
    return ZR_CODE_COUNT;
}
