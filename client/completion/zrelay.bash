# Completion of zrelay for bash. Commands and options come from its own help, rooms and users from the broker.

_zrelay_commands() { zrelay --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p'; }
_zrelay_options() { zrelay $1 --help 2>/dev/null | grep -oE '^ +(-[a-zA-Z0-9], )?--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort -u; }
_zrelay_rooms() { zrelay rooms --connect-timeout 1 2>/dev/null | cut -f 1; }
_zrelay_users() { zrelay who "$1" --connect-timeout 1 2>/dev/null | cut -f 1; }
_zrelay_keys() { zrelay state "$1" --connect-timeout 1 2>/dev/null | cut -d = -f 1; }

_zrelay() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= room= word i words=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -s | --server | --nick | --certificate | --server-key | --user | --token-file | --connect-timeout | --context) ((i++)) ;;
        -*) ;;
        *) if [ -z "$command" ]; then command=$word; elif [ -z "$room" ]; then room=$word; fi ;;
        esac
    done
    case $previous in
    --certificate | --token-file | --file | -f | --progress-file) COMPREPLY=($(compgen -f -- "$current")) && return ;;
    --key | -k) words=$(_zrelay_keys "$room") ;;
    --sender) words=$(_zrelay_users "$room") ;;
    --server | -s | --nick | --user | --server-key) return ;;
    *)
        if [[ $current == -* ]]; then
            words=$(_zrelay_options "$command")
        elif [ -z "$command" ] || [ "$command" = help ]; then
            words=$(_zrelay_commands)
        else
            case $command in
            pub | history | state | who | groups | export | import) [ -n "$room" ] || words=$(_zrelay_rooms) ;;
            sub | chat) words=$(_zrelay_rooms) ;;
            esac
            [ "$command" = state ] && [ -n "$room" ] && words=$(_zrelay_keys "$room")
        fi
        ;;
    esac
    local IFS=$'\n'
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _zrelay zrelay
