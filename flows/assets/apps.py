from django.apps import AppConfig

ACTIONS = {
    "asset.created": "Created the {kind} {title}",
    "asset.changed": "Saved the draft, which is now at revision {revision}",
    "asset.published": "Published version {version}: {note}",
    "asset.released": "Released version {version}",
    "asset.rolled_back": "Rolled back from version {before} to {version}",
    "asset.rule_changed": "Releasing a version {what} a second person",
    "asset.tested": "Asked {model} for the tests of the draft, with {calls} calls at most",
    "asset.tests_stopped": "Stopped the tests that ask {model}",
    "asset.archived": "Archived the {kind} {title}",
    "asset.restored": "Took the {kind} {title} out of the archive",
    "policy.attached": "Attached the policy {policy} to the point {point}, {where}",
    "policy.detached": "Detached the policy {policy} from the point {point}, {where}",
}


class AssetsConfig(AppConfig):
    name = "flows.assets"
    label = "assets"

    def ready(self) -> None:
        from flows.assets import jobs  # noqa: F401 - registers the job
        from flows.assets.contents import CONTENTS
        from flows.assets.contracts.kind import CONTRACT
        from flows.assets.frame import register_frame
        from flows.assets.kinds import register_kind
        from flows.assets.ledger_check import check_releases, check_versions
        from flows.assets.lists.kind import LIST
        from flows.assets.policies.attachments import KNOWN
        from flows.assets.policies.kind import POLICY
        from flows.assets.prompts.kind import PROMPT
        from flows.assets.prompts.source import SOURCE
        from flows.assets.selectors import find_released_numbers
        from flows.assets.tables.kind import TABLE
        from flows.assets.templates import make_assets
        from flows.policies.points import register_attachments
        from flows.services.templates import register_asset_maker
        from flows.steps.contents import register_content_source
        from flows.steps.pins import register_asset_source
        from flows.steps.prompts import register_prompt_source
        from workbench.audit.actions import register_action
        from workbench.audit.records import register_check

        for name, sentence in ACTIONS.items():
            register_action(name, sentence)
        for kind in (CONTRACT, LIST, POLICY, PROMPT, TABLE):
            register_kind(kind)
            register_frame(kind)
        register_attachments(KNOWN)
        register_prompt_source(SOURCE)
        register_content_source(CONTENTS)
        register_asset_source(find_released_numbers)
        register_asset_maker(make_assets)
        register_check("asset versions", check_versions)
        register_check("asset releases", check_releases)
