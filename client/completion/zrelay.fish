# Completion of zrelay for fish. Commands and options come from its own help, rooms and users from the broker.

function __zrelay_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word -s --server --nick --certificate --server-key --user --token-file --connect-timeout --context
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __zrelay_complete
    set -l given (__zrelay_words)
    set -l current (commandline -ct)
    if string match -q -- '-*' $current
        zrelay $given[1] --help 2>/dev/null | string match -r -g '^ +(?:-[a-zA-Z0-9], )?(--[a-z-]+)' | sort -u
    else if test (count $given) = 0; or test "$given[1]" = help
        zrelay --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\)  *\(.*\)/\1\t\2/p'
    else if test $given[1] = state; and test (count $given) -ge 2
        zrelay state $given[2] --connect-timeout 1 2>/dev/null | cut -d = -f 1
    else if contains $given[1] sub chat; or begin; contains $given[1] pub history state who groups export import; and test (count $given) = 1; end
        zrelay rooms --connect-timeout 1 2>/dev/null | cut -f 1
    end
end

complete -c zrelay -f -a '(__zrelay_complete)'
for option in certificate token-file file progress-file
    complete -c zrelay -l $option -r -F
end
