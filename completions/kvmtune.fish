# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fish completion for kvmtune. All words come from the program: `kvmtune --list-words`.

# What is about a word, behind a tab, as fish wants it.
function __kvmtune_about -a word
    set -l bare (string replace -r '=$' '' -- $word)
    printf '%s\t%s\n' $word (string replace -rf -- "^about $bare " '' $__kvmtune_lines)
end

function __kvmtune_words -a kind
    for word in (string replace -rf -- "^$kind " '' $__kvmtune_lines)
        __kvmtune_about $word
    end
end

# The values of an option, each behind "--option=" where that is typed.
function __kvmtune_value -a option before typed
    switch (string replace -rf -- "^argument $option " '' $__kvmtune_lines)
        case DIR
            __fish_complete_directories "$typed" | string replace -r '^' -- $before
        case FILE
            __fish_complete_path "$typed" | string replace -r '^' -- $before
        case '*'
            __kvmtune_words "choice $option" | string replace -r '^' -- $before
    end
end

# SETTING=VALUE; a variant is several of them, with commas.
function __kvmtune_goal -a command typed
    set -l before ''
    if contains -- "variants $command" $__kvmtune_lines
        set before (string replace -rf -- '^(.*,).*$' '$1' $typed)
        string match -q '*,*' -- $typed
        or echo current
    end
    for goal in (string replace -rf -- '^value (\S+) (\S+)$' '$1=$2' $__kvmtune_lines)
        echo $before$goal
    end
end

function __kvmtune_complete
    set -l typed (commandline -ct)
    set -l tokens (commandline -opc)
    set -l command ''
    set -l option ''
    set -g __kvmtune_lines ($tokens[1] --list-words 2>/dev/null)
    for token in $tokens[2..]
        if test -n "$option"
            set option ''
        else if contains -- "option $token=" $__kvmtune_lines
            set option $token
        else if test $token = --
            __fish_complete_subcommand --commandline $tokens[(math (contains -i -- -- $tokens) + 1)..] $typed
            return
        else if test -z "$command"; and not string match -q -- '-*' $token
            set command $token
        end
    end
    if test -n "$option"
        __kvmtune_value $option '' $typed
    else if string match -qr -- '^--[^=]*=' $typed
        set option (string replace -r -- '=.*' '' $typed)
        __kvmtune_value $option $option= (string replace -r -- '^[^=]*=' '' $typed)
    else if string match -q -- '-*' $typed
        if test -n "$command"
            __kvmtune_words "takes $command"
        else
            __kvmtune_words option
        end
    else if test -z "$command"
        __kvmtune_words command
    else if contains -- "goals $command" $__kvmtune_lines
        __kvmtune_goal $command $typed
    else
        __kvmtune_words "value $command"
    end
end

complete -c kvmtune -f -a '(__kvmtune_complete)'
