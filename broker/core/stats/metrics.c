/* See metrics.h. */
#include "metrics.h"

#include <string.h>

#include "names.h"

#define AT(member) offsetof(metrics_t, member)
#define COUNT(name, help, member)                                                                                      \
    { name, help, AT(member), 1, false }
#define MICROS(name, help, member)                                                                                     \
    { name, help, AT(member), 1000000, false }
#define CODES(name, help, member)                                                                                      \
    { name, help, AT(member), 1, true }

const metric_t metrics_table[] = {
    COUNT("zrelay_sessions", "Sessions, detached ones included.", relay.sessions),
    COUNT("zrelay_sessions_max", "The limit of sessions, max-sessions.", relay.max_sessions),
    COUNT("zrelay_sessions_detached", "Sessions without a connection, which may resume.", relay.detached),
    COUNT("zrelay_draining", "1: an operator drains the broker, so new sessions are refused.", relay.draining),
    COUNT("zrelay_channels", "Channels of gateways: peers that they carry.", relay.channels),
    COUNT("zrelay_logins_waiting", "Logins that wait until their tokens are checked.", relay.logins),
    COUNT("zrelay_clients_remembered", "Client ids that are remembered for resends.", relay.clients),
    COUNT("zrelay_rooms", "Rooms.", relay.rooms),
    COUNT("zrelay_rooms_max", "The limit of rooms, max-rooms.", relay.max_rooms),
    COUNT("zrelay_state_bytes", "Bytes of the keyed entries of all rooms.", relay.state_bytes),
    COUNT("zrelay_state_bytes_max", "The limit of these, max-state-bytes.", relay.max_state_bytes),
    COUNT("zrelay_groups", "Groups of workers.", relay.groups),
    COUNT("zrelay_groups_max", "The limit of groups, max-groups.", relay.max_groups),
    COUNT("zrelay_group_entries", "Entries of groups that are handed out or wait for that.", relay.group_entries),
    COUNT("zrelay_group_entries_max", "The limit of these, max-group-entries.", relay.max_group_entries),
    COUNT("zrelay_group_bytes", "Bytes of the frames that groups keep.", relay.group_bytes),
    COUNT("zrelay_frames_received_total", "Frames from clients.", relay.frames),
    COUNT("zrelay_entries_total", "Entries that rooms took in.", relay.entries),
    COUNT("zrelay_entry_bytes_total", "Bytes of the frames that deliver them.", relay.entry_bytes),
    COUNT("zrelay_deliveries_total", "Live frames that went to readers, however many read them.", relay.deliveries),
    COUNT("zrelay_acks_total", "Acks.", relay.acks),
    COUNT("zrelay_duplicates_total", "Entries that were sent again and not stored again.", relay.duplicates),
    CODES("zrelay_errors_total", "Errors that clients were told, by their code.", relay.errors_by_code),
    COUNT("zrelay_rate_limited_total", "How often a client was told to wait.", relay.limited),
    COUNT("zrelay_flooders_total", "Sessions and connections that ended for flooding.", relay.flooders),
    COUNT("zrelay_routes_lost_total", "How often a client's queue was full, or the client gone.", relay.dropped),
    COUNT("zrelay_live_dropped_total", "Live frames of private rooms that a full queue did not take.",
        relay.live_dropped),
    COUNT("zrelay_front_queue_bytes", "Bytes that wait for clients' DEALERs.", edge.front_bytes),
    COUNT("zrelay_front_queue_bytes_max", "The limit of these, all-route-bytes.", edge.max_front_bytes),
    COUNT("zrelay_back_queue_bytes", "Bytes that wait for clients' SUBs.", edge.back_bytes),
    COUNT("zrelay_back_queue_bytes_max", "The limit of these, all-reader-bytes.", edge.max_back_bytes),
    COUNT("zrelay_trunk_queue_bytes", "Bytes that wait for gateways which take nothing.", edge.trunk_bytes),
    COUNT("zrelay_handshakes_refused_total", "Handshakes that were refused.", edge.handshakes_refused),
    COUNT("zrelay_logins_failed_total", "Logins that failed.", edge.logins_failed),
    COUNT("zrelay_logins_slowed_total", "Logins that had to wait after failed ones.", edge.logins_slowed),
    COUNT("zrelay_connections_refused_total", "Connections of an address that had or made too many.", edge.turned_away),
    COUNT("zrelay_connections_without_descriptor_total", "Connections for which no file descriptor was left.",
        edge.no_room),
    COUNT("zrelay_connections_incomplete_total", "Connections that ended for incomplete messages.", edge.incomplete),
    COUNT("zrelay_subscriptions_excess_total", "Subscriptions of readers that had too many, or were too fast.",
        edge.greedy),
    COUNT("zrelay_subscriptions_revoked_total", "Subscriptions of users that are not let in any more.", edge.revoked),
    COUNT("zrelay_routing_ids_claimed_total", "Frames of peers that set a routing id of their own.", edge.claimed),
    COUNT("zrelay_multipart_messages_total", "Messages of several parts, which are refused.", edge.multipart),
    COUNT("zrelay_stray_messages_total", "Messages of readers that are no subscription.", edge.stray),
    COUNT("zrelay_log_memory_entries", "Entries that the log keeps in memory.", log.entries),
    COUNT("zrelay_log_memory_bytes", "Bytes of these.", log.bytes),
    COUNT("zrelay_log_waiting_bytes", "Bytes that wait to be stored.", log.waiting_bytes),
    COUNT("zrelay_log_waiting_bytes_max", "The limit of these, queue-bytes. 0: the log is in memory.",
        log.max_waiting_bytes),
    COUNT("zrelay_log_passes_total", "Passes of the loop that the log stored.", log.passes),
    COUNT("zrelay_log_passes_failed_total", "Passes that the log could not store.", log.failed_passes),
    MICROS("zrelay_log_store_seconds_total", "Time that passes waited until they were stored.", log.store_us),
    COUNT("zrelay_log_failing", "1: the log cannot store, so what is published is refused.", log.failing),
    COUNT("zrelay_log_file_bytes", "Bytes of the log's files.", log.file_bytes),
    COUNT("zrelay_log_disk_free_bytes", "Bytes that are free on the log's disk. 0: the log is in memory.",
        log.free_bytes),
    MICROS("zrelay_start_time_seconds", "When the broker began, since 1970.", edge.began_us),
    MICROS("zrelay_cpu_seconds_total", "Processor time of the broker.", edge.cpu_us),
    COUNT("zrelay_resident_memory_bytes", "Memory of the broker.", edge.resident_bytes),
};
const size_t metrics_count = sizeof metrics_table / sizeof *metrics_table;

uint64_t metric_value(const metric_t *metric, const metrics_t *metrics, zr_code_t code) {
    uint64_t value;
    memcpy(&value, (const char *)metrics + metric->at + (metric->codes ? code * sizeof value : 0), sizeof value);
    return value <= ZR_INT_MAX ? value : ZR_INT_MAX;
}

bool metric_rises(const metric_t *metric) {
    static const char end[] = "_total";
    size_t len = strlen(metric->name);
    return len >= sizeof end && strcmp(metric->name + len - (sizeof end - 1), end) == 0;
}

static json_t *s_number(const metric_t *metric, const metrics_t *metrics, zr_code_t code) {
    return json_integer((json_int_t)metric_value(metric, metrics, code));
}

/* Of codes only those that happened. */
static json_t *s_codes(const metric_t *metric, const metrics_t *metrics) {
    json_t *values = json_object();
    for (zr_code_t code = ZR_OK + 1; code < ZR_CODE_COUNT; code++)
        if (metric_value(metric, metrics, code))
            json_object_set_new(values, zr_code_name(code), s_number(metric, metrics, code));
    return values;
}

json_t *metrics_json(const metrics_t *metrics) {
    json_t *rows = json_array();
    for (size_t i = 0; i < metrics_count; i++) {
        const metric_t *metric = &metrics_table[i];
        json_t *row = json_pack("{ss ss ss}", "name", metric->name, "type", metric_rises(metric) ? "counter" : "gauge",
            "help", metric->help);
        if (metric->codes)
            json_object_set_new(row, "codes", s_codes(metric, metrics));
        else
            json_object_set_new(row, "value", s_number(metric, metrics, ZR_OK));
        if (metric->per > 1)
            json_object_set_new(row, "per", json_integer((json_int_t)metric->per));
        json_array_append_new(rows, row);
    }
    return rows;
}
