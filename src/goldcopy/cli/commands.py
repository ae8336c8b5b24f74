"""All commands by name: where each is and what it does. None is loaded before it is asked for."""

from __future__ import annotations

from typing import Final, NamedTuple


class Command(NamedTuple):
    """One command."""

    where: str
    """``module:function`` below ``goldcopy.cli``."""
    help: str
    """The first paragraph of the function's docstring, for lists."""


COMMANDS: Final = {
    "init": Command("init:init", "Make an empty vault, its recovery keys and a starter inventory."),
    "check": Command(
        "check:check",
        "Check the inventory: every mistake at once, with its line and what would be right.",
    ),
    "pull": Command(
        "pull:pull", "Read controllers now and keep a snapshot of each. Changes nothing in them."
    ),
    "devices": Command(
        "devices:devices", "List the devices of the inventory, each with its latest snapshot."
    ),
    "log": Command("history:log", "List the snapshots of a device, newest first."),
    "show": Command("show:show", "Show a snapshot: who the controller is, every item, every gap."),
    "diff": Command(
        "diff:diff", "Show what moved between two snapshots. Exit code 1 if anything did."
    ),
    "drift": Command(
        "drift:drift",
        "Show what has drifted from the gold copies, and whether pairs are alike.",
    ),
    "night": Command(
        "night:night",
        "Pull every device, prove a sample of the vault, sync replicas, report drift, tell news.",
    ),
    "kit": Command(
        "kit:kit",
        "Make a recovery kit: packs, wheels, public keys, and a printable runbook per device.",
    ),
    "blame": Command("history:blame", "Show when one item had which value, newest first."),
    "drivers": Command("devices:drivers", "Say honestly what each driver can and cannot do."),
    "simulate": Command(
        "simulate:simulate",
        "Serve simulated controllers at the inventory's loopback addresses until interrupted.",
    ),
    "demo": Command(
        "demo:demo",
        "Start the demo plant; pull, approve, attack, find exactly that, restore, prove.",
    ),
}

GROUPS: Final = {
    "gold": (
        "Name known-good snapshots, by signature.",
        {
            "propose": Command(
                "gold:propose",
                "Propose a snapshot as gold copy. Nothing counts until enough people have approved it.",
            ),
            "approve": Command(
                "gold:approve", "Approve what is proposed for a device, with your own key."
            ),
            "revoke": Command(
                "gold:revoke",
                "Revoke the gold copy of a device, or what is proposed for it. One person is enough.",
            ),
            "submit": Command("gold:submit", "Keep a statement that was signed elsewhere."),
            "list": Command(
                "gold_list:list_",
                "Show the gold copy of each device: whose, until when, and what is proposed.",
            ),
            "verify": Command(
                "gold_list:verify",
                "As list, with what does not count and why. Exit code 1 unless all are valid.",
            ),
        },
    ),
    "change": (
        "Changes that are expected, with their tickets.",
        {
            "open": Command(
                "change:open_",
                "Begin a change: a snapshot of each device now, so that what moves until close is its own.",
            ),
            "close": Command(
                "change:close",
                "End a change: a snapshot of each device, and what moved in between, under the ticket.",
            ),
            "list": Command("change:list_", "Show all changes, open ones too."),
        },
    ),
    "rules": (
        "What is a setting, and what moves by itself.",
        {
            "learn": Command(
                "rules:learn",
                "Read a device several times; propose rules for what moves by itself. Applies nothing.",
            ),
        },
    ),
    "restore": (
        "Known-good parameters back, with proof.",
        {
            "plan": Command(
                "restore_plan:plan",
                "Read the device, and list every write that would take it to a snapshot. Writes nothing.",
            ),
            "approve": Command(
                "restore:approve",
                "Approve a plan with your own key: its digest, for its device, now.",
            ),
            "apply": Command(
                "restore:apply",
                "Carry out a plan, and prove each leaf by reading it back. Exit code 0 only if all are.",
            ),
            "resume": Command(
                "restore_resume:resume",
                "Go on with a restore that was interrupted; first by reading what there is now.",
            ),
            "rollback": Command(
                "restore_resume:rollback",
                "Put back what an interrupted restore has written; proved in the same way.",
            ),
            "abandon": Command(
                "restore_resume:abandon",
                "Give up an interrupted restore whose controller is gone. Sends nothing, proves nothing.",
            ),
            "list": Command("restore:list_", "Show what was restored, and what is not finished."),
        },
    ),
    "campaign": (
        "Many devices put back by one plan, wave after wave.",
        {
            "plan": Command(
                "campaign_plan:plan",
                "Read devices, and plan what would take each to its gold copy, in waves. Writes nothing.",
            ),
            "approve": Command(
                "campaign:approve",
                "Approve a campaign, and so every plan in it, with your own key.",
            ),
            "apply": Command(
                "campaign:apply",
                "Carry a campaign out, wave after wave; called again after an interruption, it goes on.",
            ),
        },
    ),
    "report": (
        "Evidence for auditors.",
        {
            "attack": Command(
                "report:attack",
                "Show what the vault proves against ATT&CK for ICS M0953 and the standards on recovery.",
            ),
        },
    ),
    "drill": (
        "Restores exercised before they are needed.",
        {
            "run": Command(
                "drill:run",
                "Restore gold copies from a replica to harmed twins, or to a spare. Touches no device.",
            ),
            "list": Command(
                "drill:list_",
                "Show which drills are due by the standards, and the trend. Exit code 1 if any is.",
            ),
        },
    ),
    "vault": (
        "Prove the vault, its keys and its replicas.",
        {
            "head": Command(
                "vault:head",
                "Print the vault's head, to be kept elsewhere: it shows a vault that was put back.",
            ),
            "verify": Command(
                "vault:verify",
                "Prove the vault: nothing changed, lost, put in or put back. All of it, if not told less.",
            ),
            "reindex": Command("vault:reindex", "Make the index anew from the packs."),
            "keys": Command("vault:keys", "Show whose packs count, and to whom they are sealed."),
            "sync": Command(
                "replicas:sync",
                "Bring the replicas up to date; one that is down is caught up the next time.",
            ),
            "replicas": Command(
                "replicas:replicas",
                "Show each replica: how far it is behind, and when it was last verified. Asks nobody.",
            ),
            "compare": Command(
                "replicas:compare", "Compare every replica with the vault, byte by byte."
            ),
            "attest": Command(
                "replicas:attest",
                "Attack every replica with this machine's own rights; print what was refused.",
            ),
            "repair": Command(
                "replicas:repair",
                "Put back damaged or missing packs from a replica whose copy proves itself.",
            ),
            "export": Command(
                "moving:export",
                "Write what the vault has got since into one signed file, for a stick or a one-way link.",
            ),
            "import": Command(
                "moving:import_",
                "Prove a bundle and merge it. In any order, as often as you like; nothing goes back.",
            ),
            "admit": Command(
                "moving:admit",
                "Let this machine write: a new machine, or one whose key is lost. Who wrote before ends.",
            ),
            "rotate": Command(
                "moving:rotate", "Give the machine that writes now a new key for its old one."
            ),
            "retire": Command(
                "moving:retire",
                "End whoever writes now: no pack counts until a machine is admitted.",
            ),
            "recipients": Command(
                "moving:recipients",
                "Change to whom packs are sealed from now on. What was sealed before stays as it is.",
            ),
        },
    ),
}
