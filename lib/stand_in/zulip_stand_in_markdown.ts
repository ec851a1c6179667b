/** The little of Zulip's Markdown that lmsmon's texts need: bold, code, links and numeric character references. */
export function renderMarkdown(content: string): string {
  const safe = content
    .replace(/&(?!#\d+;)/g, "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
  const inline = safe
    .replace(/`([^`\n]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*\n]+)\*\*/g, "<strong>$1</strong>")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2">$1</a>');
  return `<p>${inline.replaceAll("\n", "<br>\n")}</p>`;
}
