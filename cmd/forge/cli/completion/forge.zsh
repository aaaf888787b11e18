#compdef forge
# zsh completion for forge. Once:  eval "$(forge completion zsh)"
# For every shell:  forge completion zsh > a folder of $fpath/_forge
_forge() {
  local -a replies
  replies=("${(@f)$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "${replies[1]}" == ":files" ]]; then
    _files
    return
  fi
  [[ -n "${replies[1]}" ]] && compadd -Q -- "${replies[@]}"
}
if [[ "${funcstack[1]}" == "_forge" ]]; then
  _forge "$@"
else
  compdef _forge forge
fi
