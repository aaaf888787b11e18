# fish completion for forge. Once:  forge completion fish | source
# For every shell:  forge completion fish > ~/.config/fish/completions/forge.fish
function __forge_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l forge $words[1]
    set -e words[1]
    set -l replies ($forge complete -- $words "$word" 2>/dev/null)
    if test "$replies[1]" = ":files"
        __fish_complete_path "$word"
    else
        printf '%s\n' $replies
    end
end
complete -c forge -f -a '(__forge_complete)'
