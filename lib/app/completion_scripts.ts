import type { CommandModel, FlagModel, ProgramModel } from "./program_model.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A script that teaches a shell this command line: commands, flags, and what values they may have. Pure. */
export function completionScript(shell: Shell, program: ProgramModel): string {
  switch (shell) {
    case "bash":
      return bash(program);
    case "zsh":
      return zsh(program);
    case "fish":
      return fish(program);
  }
}

const names = ({ short, long }: FlagModel) => short === null ? [long] : [short, long];
const isFile = ({ value }: FlagModel) => value !== null && /FILE|DIR|PATH/.test(value);
/** Several of them, separated by commas. */
const isList = ({ value }: FlagModel) => value === "TYPES";
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Every path through groups to a command: `state`, `state dump`. */
function paths(commands: readonly CommandModel[], before = ""): { path: string; command: CommandModel }[] {
  return commands.flatMap((command) => {
    const path = `${before}${command.name}`;
    return [{ path, command }, ...paths(command.commands, `${path} `)];
  });
}

function bash(program: ProgramModel): string {
  const all = paths(program.commands);
  const valued = [...program.flags, ...all.flatMap(({ command }) => command.flags)].filter(({ value }) =>
    value !== null
  );
  const valueFlags = [...new Set(valued.flatMap(names))].join("|");
  const cases = all.map(({ path, command }) => {
    const words = [...command.commands.map(({ name }) => name), ...command.words];
    const flags = [...command.flags, ...program.flags].flatMap(names);
    return `    ${quoted(path)}) words=${quoted(words.join(" "))}; flags=${quoted([...new Set(flags)].join(" "))} ;;`;
  });
  const values = [{ path: "*", command: { flags: program.flags } }, ...all].flatMap(({ path, command }) =>
    command.flags.flatMap((flag) => {
      const how = flag.choices.length > 0
        ? `values=${quoted(flag.choices.join(" "))}${isList(flag) ? "; list=1" : ""}`
        : isFile(flag)
        ? "files=1"
        : "";
      const pattern = names(flag).map((name) => path === "*" ? `*:${name}` : `${quoted(path)}:${name}`).join("|");
      return how === "" ? [] : [{ isGlobal: path === "*", text: `    ${pattern}) ${how} ;;` }];
    })
  ).toSorted((a, b) => Number(a.isGlobal) - Number(b.isGlobal)).map(({ text }) => text);
  return `# bash completion for lmsmon; made by: lmsmon completion bash
_lmsmon() {
  local cur prev path="" word words=${quoted(program.commands.map(({ name }) => name).join(" "))} i skip=0
  local flags=${quoted(program.flags.flatMap(names).join(" "))} values="" list=0 files=0 before=""
  COMPREPLY=()
  cur=\${COMP_WORDS[COMP_CWORD]}
  prev=\${COMP_WORDS[COMP_CWORD - 1]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((skip)); then skip=0; continue; fi
    case $word in
      ${valueFlags}) skip=1 ;;
      -*) ;;
      *) case " $words " in *" $word "*) path="\${path:+$path }$word"
        case $path in
${cases.map((line) => `      ${line}`).join("\n")}
        *) words="" ;;
        esac ;; *) words="" ;; esac ;;
    esac
  done
  case "$path:$prev" in
${values.join("\n")}
  esac
  if ((skip)); then
    if ((list)); then
      case $cur in *,*) before=\${cur%,*},; cur=\${cur##*,} ;; esac
    fi
    if ((files)); then
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      compopt -o filenames 2>/dev/null
    else
      mapfile -t COMPREPLY < <(compgen -P "$before" -W "$values" -- "$cur")
    fi
  elif [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  fi
}
complete -F _lmsmon lmsmon
`;
}

/** Inside \`_arguments\` and \`_describe\`: what those give a meaning of their own. */
const zshText = (text: string) => text.replace(/[\\[\]:]/g, "\\$&").replaceAll("'", "'\\''").replaceAll("\n", " ");

function zshFlag(flag: FlagModel): string {
  const { value, about, choices } = flag;
  const values = choices.length > 0
    ? isList(flag) ? `_values -s , type ${choices.join(" ")}` : `(${choices.join(" ")})`
    : isFile(flag)
    ? "_files"
    : " ";
  const argument = value === null ? "" : `:${zshText(value)}:${values}`;
  const [first = "", second] = names(flag);
  const spec = `[${zshText(about)}]${argument}`;
  return second === undefined ? `'${first}${spec}'` : `'(${first} ${second})'{${first},${second}}'${spec}'`;
}

function zshCommand({ path, command }: { path: string; command: CommandModel }, globals: readonly FlagModel[]): string {
  const flags = [...command.flags, ...globals.filter(({ long }) => !command.flags.some((own) => own.long === long))];
  const words = command.commands.length > 0
    ? [`'1:command:(${command.commands.map(({ name }) => name).join(" ")})'`, "'*::args:_default'"]
    : command.words.length > 0
    ? [`'1:what:(${command.words.join(" ")})'`, "'*: : '"]
    : [];
  return `    ${quoted(path)}) _arguments -s ${[...flags.map(zshFlag), ...words].join(" \\\n      ")} ;;`;
}

function zsh(program: ProgramModel): string {
  const all = paths(program.commands);
  const commands = program.commands.map(({ name, about }) => `    '${zshText(name)}:${zshText(about)}'`).join("\n");
  return `#compdef lmsmon
# zsh completion for lmsmon; made by: lmsmon completion zsh
_lmsmon() {
  local curcontext="$curcontext" state line path
  typeset -A opt_args
  local -a commands
  commands=(
${commands}
  )
  _arguments -C ${program.flags.map(zshFlag).join(" \\\n    ")} \\
    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      path=$words[1]
      case $path in
${
    program.commands.filter(({ commands }) => commands.length > 0).map(({ name, commands }) =>
      `      ${quoted(name)}) if [[ " ${
        commands.map((one) => one.name).join(" ")
      } " == *" $words[2] "* && CURRENT -gt 2 ]]; then
        path="$path $words[2]"; shift words; (( CURRENT-- )); fi ;;`
    ).join("\n")
  }
      esac
      case $path in
${all.map((one) => zshCommand(one, program.flags)).join("\n")}
      esac ;;
  esac
}
if [[ $funcstack[1] == _lmsmon ]]; then _lmsmon "$@"; else compdef _lmsmon lmsmon; fi
`;
}

function fish(program: ProgramModel): string {
  const all = paths(program.commands);
  const top = program.commands.map(({ name }) => name).join(" ");
  const line = (condition: string, rest: string) => `complete -c lmsmon -n ${quoted(condition)} ${rest}`;
  const flagLine = (condition: string, flag: FlagModel) => {
    const { short, long, value, about, choices } = flag;
    const name = `${short === null ? "" : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
    const values = value === null
      ? ""
      : choices.length > 0
      ? ` -x -a ${quoted(choices.join(" "))}`
      : isFile(flag)
      ? " -r -F"
      : " -x";
    return line(condition, `${name}${values} -d ${quoted(about)}`);
  };
  const none = "__fish_use_subcommand";
  return [
    "# fish completion for lmsmon; made by: lmsmon completion fish",
    "complete -c lmsmon -f",
    ...program.flags.map((flag) => flagLine("true", flag)),
    ...program.commands.map(({ name, about }) => line(none, `-a ${name} -d ${quoted(about)}`)),
    ...all.flatMap(({ path, command }) => {
      const [group = "", sub] = path.split(" ");
      const seen = `__fish_seen_subcommand_from ${group}${
        sub === undefined ? "" : `; and __fish_seen_subcommand_from ${sub}`
      }`;
      const words = [...command.commands.map(({ name }) => name), ...command.words];
      return [
        ...(words.length > 0
          ? [line(`${seen}; and not __fish_seen_subcommand_from ${words.join(" ")}`, `-a ${quoted(words.join(" "))}`)]
          : []),
        ...command.flags.filter(({ long }) => long !== "--help").map((flag) => flagLine(seen, flag)),
      ];
    }),
    `# ${top}`,
    "",
  ].join("\n");
}
