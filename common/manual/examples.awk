# Prints the section "## NAME" of examples.md as an include file of help2man. Variable: name.
function roff(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/`/, "", text)
    return text ~ /^[.']/ ? "\\&" text : text
}
/^## / {
    inside = $2 == name
    next
}
!inside { next }
!begun {
    begun = 1
    print "[EXAMPLES]"
}
/^```/ {
    code = !code
    print code ? ".PP\n.nf" : ".fi"
    next
}
code { print roff($0); next }
/^$/ { next }
{ print ".PP\n" roff($0) }
