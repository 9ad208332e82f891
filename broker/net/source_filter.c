/* See source_filter.h. */
#include "source_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

/* Where things are in a packet: the version's byte, and the sender's address, of which so many words count. */
enum { VERSION = SKF_NET_OFF, IPV4_SOURCE = SKF_NET_OFF + 12, IPV6_SOURCE = SKF_NET_OFF + 8, IPV6_WORDS = 2 };
enum { PER_IPV4 = 2, PER_IPV6 = 2 * IPV6_WORDS + 1, OTHERS = 7 };

typedef struct {
    struct sock_filter code[ADDRESSES_SHED_MAX * PER_IPV6 + OTHERS];
    unsigned short len;
} program_t;

static void s_add(program_t *program, uint16_t code, uint8_t if_not, uint32_t value) {
    program->code[program->len++] = (struct sock_filter){.code = code, .jf = if_not, .k = value};
}

static void s_load(program_t *program, int from) {
    s_add(program, BPF_LD | BPF_W | BPF_ABS, 0, (uint32_t)from);
}

/* Goes on when what was loaded is `value`, else `skip` steps later. */
static void s_expect(program_t *program, uint32_t value, uint8_t skip) {
    s_add(program, BPF_JMP | BPF_JEQ | BPF_K, skip, value);
}

static void s_end(program_t *program, bool drop) {
    s_add(program, BPF_RET | BPF_K, 0, drop ? 0 : UINT32_MAX); /* how many bytes are kept */
}

static uint32_t s_word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void s_drop_ipv4(program_t *program, const zr_address_t *addresses, size_t count) {
    s_load(program, IPV4_SOURCE);
    for (size_t i = 0; i < count; i++)
        if (zr_address_is_ipv4(&addresses[i])) {
            s_expect(program, s_word(addresses[i].bytes + 12), 1);
            s_end(program, true);
        }
    s_end(program, false);
}

static void s_drop_ipv6(program_t *program, const zr_address_t *addresses, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!zr_address_is_ipv4(&addresses[i])) {
            for (int word = 0; word < IPV6_WORDS; word++) {
                s_load(program, IPV6_SOURCE + 4 * word);
                s_expect(program, s_word(addresses[i].bytes + 4 * word), (uint8_t)(2 * (IPV6_WORDS - word) - 1));
            }
            s_end(program, true);
        }
    s_end(program, false);
}

bool source_filter_set(int fd, const zr_address_t *addresses, size_t count) {
    if (count == 0)
        return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){0}, sizeof(int)) == 0 || errno == ENOENT;
    program_t program = {.len = 0};
    s_add(&program, BPF_LD | BPF_B | BPF_ABS, 0, (uint32_t)VERSION);
    s_add(&program, BPF_ALU | BPF_AND | BPF_K, 0, 0xf0);
    s_expect(&program, 0x40, 1);
    unsigned short jump = program.len;
    s_add(&program, BPF_JMP | BPF_JA, 0, 0);
    s_drop_ipv6(&program, addresses, count);
    program.code[jump].k = (uint32_t)(program.len - jump - 1);
    s_drop_ipv4(&program, addresses, count);
    struct sock_fprog whole = {.len = program.len, .filter = program.code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) == 0)
        return true;
    source_filter_clear(fd); /* the memory that a socket may have for both is little: net.core.optmem_max */
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) == 0;
}

void source_filter_clear(int fd) {
    source_filter_set(fd, NULL, 0);
}
