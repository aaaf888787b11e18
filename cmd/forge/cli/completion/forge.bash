# bash completion for forge. Once:  eval "$(forge completion bash)"
# For every shell:  forge completion bash > ~/.local/share/bash-completion/completions/forge
_forge() {
  local line=${COMP_LINE:0:COMP_POINT} words=() word cut
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=${words[-1]}
  COMPREPLY=()
  # bash breaks words at : and =, and wants only what follows them
  cut=""
  [[ $word == *[:=]* ]] && cut=${word%"${word##*[:=]}"}
  [[ $word == *@* && $COMP_WORDBREAKS == *@* ]] && cut=${word%"${word##*[:=@]}"}
  local reply
  while IFS= read -r reply; do
    if [[ $reply == :files ]]; then
      compopt -o filenames 2>/dev/null || true
      mapfile -t COMPREPLY < <(compgen -f -- "${word#"$cut"}")
      return
    fi
    COMPREPLY+=("${reply#"$cut"}")
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && { compopt -o nospace 2>/dev/null || true; }
  return 0
}
complete -F _forge forge
