"""Sentences that give orders to a model, in eight languages: what is said, and not in which words.

A frame is a few word lists that all have to be met in one sentence, in any order: an act (`set
aside`), what it is about (`guidelines`), and a sign that the reader's own are meant (`you were
given`). What a person says of themselves (`I forgot the rules`, `my instructions`) is no order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flows.guards.folding import Folded

# ruff: noqa: E501 - some patterns of words are longer than a line

LONGEST_SENTENCE = 320
_OWN = 0.45  # of its score keeps what is about the writer's own things, or is told of others


def _words(*each: str) -> re.Pattern[str]:
    """Return a pattern of beginnings of words. A space is any blank, `~` up to six words."""
    gap = r"(?:[ \t,'\"-]{1,3}[a-z0-9]{1,20}){0,6}?[ \t,'\"-]{1,3}"
    written = "|".join(
        word.replace(" ?", r"\s?").replace(" ", r"[ \t'-]{1,3}").replace("~", gap) for word in each
    )
    return re.compile(rf"(?<![a-z])(?:{written})")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a sentence has to say, in any order, and how sure it then is that nobody else would."""

    rule: str
    score: float
    parts: tuple[re.Pattern[str], ...]
    is_act: bool = False  # the first part is a verb, which has to be an order


@dataclass(frozen=True, slots=True)
class Order:
    rule: str
    start: int
    end: int
    score: float


_ORDERS = (
    r"instructions?\b", "prompts?\\b", "directives?\\b", "directions", "guidelines?", "guidance",
    r"rules?\b", r"commands?\b", "constraints?", "restri", r"policies\b", "safety polic",
    "guardrails?",
    "safeguards?", "programming", "training", r"limits?\b", "limitations?", r"filters?\b",
    "system message", "configuration", "anweisung", "instruktion", "vorgabe", r"regeln?\b",
    "anordnung", "befehle?", "richtlini", "weisung", "vorschrift", "einschrankung", "beschrankung",
    r"sperren?\b", "consigne", "regles?", r"ordres?\b", "contrainte", "limites?", "garde fous?",
    "instruccion", "reglas?", "orden(?:es)?\\b", "directri", "indicaci", "normas?", "istruzion",
    "regol[ae]", "direttiv", "ordini", "indicazion", "vincoli", "instructies?", "regels?\\b",
    "richtlijn", "opdracht", "aanwijzing", "voorschrift", "beperking", "instrucoes", "regras?",
    "ordens", "diretriz", "instrukcj", "polecen", "regul", "zasad", "wytyczn", "ogranicz",
)  # fmt: skip
_ORDER = _words(*_ORDERS)
# That they are those of the reader, or all of them.
_READERS = _words(
    r"you\b", r"yours?\b", "yourself", "previous", "prior", "above", "earlier", "original",
    "initial",
    "preceding", "former", "came before", "so far", "until now", r"all\b", r"any\b", r"every\b",
    "whatever", "system", "developer", "operator", "safety", "default",
    r"du\b", r"dein", r"dir\b", r"dich\b", "vorherig", "bisherig", "vorangegang", r"obig",
    r"oben\b",
    "ursprunglich", "fruher", r"alle[nrs]?\b", "samtlich", r"jede\b", "systems?",
    r"tu\b", r"te\b", r"tes\b", r"ton\b", r"ta\b", r"toi\b", "t a ", "precedent", "ci dessus",
    "recues?",
    "au debut", r"tout(?:es?)?\b", r"tous\b", "systeme", "donnee", "anterior", "previas", "inicial",
    "recibi", "dieron", r"tus?\b", r"todas?\b", "sistema", "precedenti", "ricevut", r"tue\b",
    r"tutte\b",
    "eerdere", "vorige", "hierboven", r"je\b", r"jouw\b", "kreeg", "acima", "recebeu", r"seus?\b",
    r"suas?\b", "poprzedni", "otrzyma", "wszystki",
)  # fmt: skip
_REVOKE = (
    "ignor(?:e|ing|a|ad|ez|er|i)?\\b", "disregard(?:ing)?\\b", "forget\\b", "overrid(?:e|ing)\\b",
    "overrule\\b", "bypass\\b", "neglect\\b", "skip\\b", "drop\\b", "discard\\b", "dismiss\\b",
    "abandon\\b",
    "cancel\\b", "revoke\\b", "suspend\\b", "set aside", "set~aside", "put~aside",
    "put~to one side",
    "throw (?:out|away)", "throw~(?:out|away)\\b", "wipe\\b", "erase\\b", "delete\\b", "unlearn\\b",
    "pay no (?:attention|heed)",
    "(?:do not|don t|no longer|never) (?:follow|obey|apply|comply|adhere|stick|heed|respect)",
    "(?:stop|cease|quit) (?:following|obeying|applying|respecting)", "circumvent\\b", "violate\\b",
    "break\\b", "strike\\b", "disable\\b", "deactivate\\b", "lift\\b",
    "schalt(?:e|en)~(?:ab|aus)\\b", "desactive[zr]?\\b", "desactiva\\b", "disattiva",
    "consider~cancelled", "consider~void", "never mind", "leave out\\b",
    "ignorier", "vergiss\\b", "vergessen sie\\b", "missacht", "ubergeh", "uberspring", "verwirf",
    "verwerfen",
    "streich", "losch", "heb(?:e|en)~auf\\b", "setz(?:e|en)~ausser kraft",
    "lass(?:e|en)?~(?:ausser acht|beiseite|weg)\\b",
    "(?:be)?acht(?:e|en)~nicht", "halt(?:e|en)? (?:dich|sie sich)~nicht",
    "(?:be)?folg(?:e|en)?~nicht\\b",
    "kummer(?:e|n)?~nicht", "wirf\\b", "umgeh", "brich\\b",
    "oubli(?:e|ez|er)\\b", "neglige",
    "ne (?:suis|suivez|tiens|tenez|respecte|respectez)~(?:pas|plus)",
    "fai(?:s|tes) (?:abstraction|fi)", "passe[zr]? outre", "laisse[zr]?~de cote", "mets~de cote",
    "ecarte",
    "annule[zr]?\\b", "efface[zr]?\\b", "contourne", "outrepasse", "enfrein",
    "(?:arrete|cesse)[zr]? de (?:suivre|respecter)",
    "olvid[ae](?:te)?\\b", "descart[ae]\\b", "omit[ae]\\b",
    "no (?:sigas|siga|hagas|haga|respetes|cumplas)", "haz caso omiso",
    "deja de (?:lado|seguir)", "pasa por alto", "anula\\b", "desobedece", "prescinde",
    "dimentica", "trascura", "scarta", "non (?:seguire|considerare|rispettare|tenere)", "tralascia",
    "aggira",
    "smetti di seguire", "lascia perdere", "negeer", "vergeet", "sla~over\\b",
    "houd? (?:je|u)~niet", "volg~niet",
    "laat~(?:vallen|buiten beschouwing)", "schrap", "omzeil", "esquec", "desconsider",
    "nao (?:sigas?|respeite|cumpra)",
    "deixe de seguir", "desrespeit", "zignoruj", "ignoruj", "zapomnij", "pomin",
    "nie (?:stosuj|przestrzegaj)", "odrzuc",
)  # fmt: skip
_VOID = (
    "no longer (?:appl|count|bind|valid|in force)", "(?:do|does) not (?:apply|count)",
    "don t (?:apply|count)",
    "(?:is|are|is now|are now)(?: \\w+)? (?:void|invalid|cancelled|suspended|lifted|obsolete)",
    "must be dropped",
    "no longer bound", "not bound", "(?:not|no longer) binding", "no longer matter",
    "(?:est|sont) (?:annule|supprime|nul)", "ya no sirven", "(?:is|are) irrelevant",
    "none~(?:is|are)~binding", "ausser kraft", "ausgesetzt", "gelten~nicht", "gilt~nicht",
    "hinfallig", "ungultig", "(?:ist|sind) aufgehoben",
    "ne (?:s )?appliquent~(?:pas|plus)", "ne (?:sont|valent)~(?:pas|plus)",
    "ya no (?:valen|aplican|se aplican|rigen)",
    "no (?:valen|aplican)", "non (?:valgono|si applicano|contano)", "gelden niet",
    "nao (?:valem|se aplicam)", "nie obowiazuj",
)  # fmt: skip
_TOLD = _words(
    "(?:role|task|job|character|persona) (?:that |which )?(?:was|were|has been|you were) (?:assigned|given)",
    "(?:everything|all|anything|what|whatever)~you (?:were|are|have been|had been) (?:told|given|taught|instructed|asked)",
    "what the (?:developer|operator|system|company)~(?:told|said|gave|wrote)",
    "was (?:dir|man dir|dein|der|die)~(?:gesagt|aufgetragen|mitgeteilt|beigebracht)",
    "ce que (?:le|la|ton|ta|tes|les)~(?:dit|demande|appris)",
    "o que (?:foi dito|te disseram|lhe disseram)",
    "ce qu(?:e l)? on (?:t a|vous a)~(?:dit|demande|appris)",
    "lo que (?:te|el|tu)~?(?:dijeron|han dicho|dijo|ha dicho)",
    "(?:quello|cio) che ti e(?: stato)? detto", "wat je (?:eerder )?(?:is )?(?:verteld|gezegd)",
)  # fmt: skip
_AS_IF = _words(
    "imagin", "pretend", "play(?:ing)? the (?:role|part)", "take on the", "act(?:ing)? (?:as|like)",
    "simulate", "answer as",
    "respond as", "behave", "as (?:if|though)", "you (?:will|shall) answer",
    "you (?:are|re)(?: now)?(?: an?)?\\b", "stell dir vor", "als (?:hattest|warst|ob|gab)",
    "antworte", "ubernimm", "spiel", "verhalte dich", "du bist", "tu es", "tu n es", "sei ora",
    "eres ahora", "game", "comme si", "fai(?:s|tes) (?:comme|semblant)", "agis",
    "actua", "finge", "fingi", "finja", "como s[ie]", "comportati", "come se", "doe alsof",
    "alsof je", "udawaj",
)  # fmt: skip
_UNBOUND = _words(
    "(?:no|without(?: any)?|zero|free (?:from|of)(?: all| any)?) (?:rules?|restrictions?|limits?|limitations|filters?|constraints|guidelines|ethics|morals|guardrails|safeguards|boundaries|policies)",
    "nothing is (?:forbidden|off limits|prohibited)", "unlimited", "never been (?:written|given)",
    "no longer (?:limited|restricted)", "never (?:refuse|decline|reject|say no)",
    "(?:approves|accepts|allows|grants) (?:everything|anything|all)", "safety~removed",
    "unrestricted", "unfiltered", "uncensored", "jailbroken",
    "ohne(?: jede| alle)? (?:regel|einschrankung|beschrankung|filter|grenze)",
    "keine(?:n|r)?(?: \\w+)? (?:regeln?|einschrankung|beschrankung|grenzen|filter)",
    "(?:nie|niemals) ablehn", "alles (?:genehmigt|erlaubt)",
    "plus limite", "aucune?(?: autre)? (?:regle|limite|restriction|contrainte|filtre)",
    "sans (?:aucune? )?(?:regle|limite|restriction|contrainte|filtre)",
    "accepte tout", "sin (?:ninguna )?(?:restric|reglas|limites|filtros)",
    "senza (?:alcun\\w* )?(?:regol|restriz|limit|filtr)",
    "geen (?:regels|beperkingen|grenzen)", "zonder (?:regels|beperkingen)",
    "sem (?:restric|regras|limites)", "(?:nao tem|tens) restric",
    "bez (?:zasad|ograniczen)",
)  # fmt: skip
_FREED = _words(
    "you (?:are|have been|re)(?: \\w+)? (?:free|freed|released|exempt|unbound|liberated) (?:from|of)~(?:limit|rule|restrict|constrain|guideline)",
    "you (?:are|re) (?:no longer|not) bound",
    "all (?:limits|restrictions|rules|filters) (?:are|have been) (?:lifted|removed|off)",
    "(?:lift|remove|disable|switch off|turn off|release)~your (?:\\w+ )?(?:restriction|limit|filter|safety|guardrail|constraint)",
    "promoted to (?:admin|root|superuser)",
    "(?:switch|put|set) (?:yourself|itself) (?:in)?to~mode\\b",
    "(?:du unterliegst|fur dich gelten) (?:ab \\w+ )?keine",
    "alle (?:sperren|grenzen|beschrankungen|einschrankungen) (?:sind|werden) aufgehoben",
    "tu n as plus (?:aucune?|de)", "lev(?:e|ons) (?:toutes )?tes (?:restric|limit)",
    "no tienes (?:ninguna )?(?:restric|limit|reglas)",
    "non hai (?:piu )?(?:alcun\\w* )?(?:regol|limit|restriz)",
)  # fmt: skip
_REVEAL = _words(
    "reveal", "reproduce", "provide", "state\\b", "cite", "present", "expose", "need\\b", "want\\b",
    "explain", "show", "print", "repeat", "output", "display", "tell", "give", "share", "leak",
    "quote", "write", "copy", "list",
    "recite", "summari", "disclose", "paste", "spell", "translat", "begin", "start", "dump", "echo",
    "expose", "what (?:are|is|does|do|were|was)",
    "zeig", "nenn", "gib\\b", "geben sie", "wiederhol", "verrat", "druck", "schreib", "liste",
    "zitier", "offenbar", "wie laute", "welche", "was (?:steht|sagt)",
    # In these languages the order has the form of "she shows": it is one where a clause begins.
    r"(?:^[\s\"'(>*-]{0,6}|[,:]\s{0,3}|(?:et|puis|alors|maintenant|y|e|ora|ahora|agora) )"
    "(?:montre|revele|affiche|repet|donne|recopi|ecri|cite|muestra|repite|revela|escrib|dime|mostra|ripeti"
    "|rivela|scrivi|mostre|repita|pokaz|laat|toon|herhaal)", "quell?e?s? (?:sont|est)",
    "dis(?: moi)?\\b",
)  # fmt: skip
_SECRET = _words(
    "system ?prompts?\\b", "systeem ?prompt", "prompts? (?:del|de|do|di) sistem",
    "prompts? systeme", "system messages?\\b(?! (?:said|says|that|about))", "messages? systeme",
    "systemnachricht",
    "(?:hidden|secret|internal|initial|original|confidential|your|deine?[nr]?|ihre[nr]?|tes|vos|tus?|le tue|je|jouw|seu) (?:\\w+ )?(?:instructions?|prompt(?! (?!word|before|verbatim|in\\b|as\\b|to\\b|now|first|exactly|that|text|into)[a-z])|anweisungen|instruktionen|consignes|instrucciones|istruzioni|instructies|instrucoes)\\b(?! (?:on|for|how|about|to|regarding|zur|zum|fur|pour|sur|para|per|voor)\\b)",
    "developer message",
    "(?:exact|full|complete|original|precise) (?:wording|text|version) of (?:the |your )?(?:\\w+ )?(?:instruction|prompt|rules|directive)",
    "(?:directives|guidelines|instructions|rules) (?:were|have|did|are|do) you (?:been )?(?:given|receive|run on|operate|work)\\b(?! (?:by|from|with)\\b)",
    "(?:instructions|rules|directives) you (?:run|work|operate)",
    "systemanweisung", "hidden (?:part|text|message)s? (?:of this|in this|of your|in your)",
    "(?:lines?|text|words) of (?:the|this) conversation,? before", "internal rules",
    "internen (?:regeln|anweisungen)", "your configuration",
    "first (?:sentence|line|words?) of your prompt", "whole prompt", "prompt that precede",
    "(?:text|words|everything|lines?)(?: that| which)?(?: you were given| is| stands?| comes?| came)? (?:before|above|preceding) (?:this\\b|the (?:letter|message|conversation|user|input|request|line))",
    "text(?: aus)?,? der vor (?:diesem|dem)",
    "(?:instructions|rules|prompt) (?:that )?you (?:were given|received|got|follow)\\b(?! (?:by|from|in|for|with)\\b)",
    "(?:anweisungen|instruktionen|vorgaben) (?:hast du|die du) ?(?:\\w+ )?(?:bekommen|erhalten)",
    "(?:consignes|instructions) (?:cachees|que tu as|que vous avez|secretes)",
    "instrucciones (?:que recibiste|ocultas|del sistema)",
    "istruzioni (?:di sistema|nascoste|che hai)", "(?:tes|vos) instructions",
)  # fmt: skip
_MACHINE = r"(?:ai|a i|llm|(?:large )?language model|model|chat ?bot|bot|assistant|agent|automat\w+ (?:reviewer|reader|system|evaluator)|classifier|ki|sprachmodell|modell|ia|modele(?: de langue| de langage)?|modelo(?: de lenguaje)?|modello|taalmodel|intelligen\w+ artific\w+)"
_ADDRESSED = re.compile(
    r"(?:^[ \t>*#-]{0,6}(?:dear |hey |hello |liebe[rs]? |chere? |attention,? |achtung,? )?(?:the )?(?:" + _MACHINE + r"|(?:ai|llm|chat ?bot|bot|ki|ia|language models?)(?: [a-z]{1,16}){1,2})[ ]?[,:]"
    r"|^[ \t>*#-]{0,6}(?:attention|achtung|warning|hinweis) (?:all )?" + _MACHINE + r"s?[ ]?[,:]"
    r"|(?<![a-z])(?:ai|llm|language model|automated)s? ?(?:agents?|assistants?|models?|systems?|tools?|reviewers?)? (?:reading|processing|handling|scoring|evaluating|reviewing|visiting|that reads?|that processes) (?:this|these|it)"
    r"|(?<![a-z])if (?:an? )?(?:ai|llm|language model|bot|chat ?bot) (?:is|reads|handles|processes)"
    r"|(?<![a-z])(?:note|notice|message|instruction|command|hint|hinweis|nachricht|anweisung|nota|aviso|mensaje|opmerking|bericht|to|an|a|au)s? ?"
    r"(?:for|to|an|fur|a|au|a l['\x20]attention|para|per|pour|voor|du|de)?[ '-]{0,3}(?:attention )?(?:any |the |die |das |den |le |la |l['\x20]|du |het |all )?" + _MACHINE + r"(?![a-z])[^.!?:\n]{0,40}[:,]"
    r"|(?<![a-z])(?:if|falls|wenn|sofern|si|se|als|should) (?:you (?:are|re)|you be|du|tu es|vous etes|eres|usted es|sei|je) (?:an? |eine? |une? |un )?(?:(?:automat\w+|large) )?" + _MACHINE + r"(?![a-z])"
    r"|(?<![a-z])who(?:ever)? (?:evaluates|reads|reviews|grades|scores|processes|checks) (?:this|it|these)(?: \w+)? automatically)"
)  # fmt: skip
_OUTCOME = _words(
    "transfer", "refund", "uberweis", "zahl(?:e|en)?\\b", "erstatt", "verse[zr]?\\b", "rembours",
    "paga\\b", "approv", "accept", "grant", "mark\\b", "rate\\b", "score\\b", "classif", "label",
    "set\\b", "return", "release", "pay\\b", "raise", "confirm",
    "give\\b", "output", "close\\b", "obey", "follow", "skip", "treat", "ignore", "rank",
    "recommend", "genehmig", "bewert", "stuf", "akzeptier",
    "erteil", "setz", "markier", "bestatig", "approuv", "valid", "class", "note[zr]?\\b", "marque",
    "aprueb", "marca", "clasific", "califica",
    "acept", "approva", "segna", "accett", "keur", "markeer", "geef", "aprov", "aceit", "marque",
)  # fmt: skip
_UNCHECKED = _words(
    "without (?:any |further |a )*(?:human|manual|review|check|verif|approval|control|(?:asking|consulting|involving|telling) (?:an? |any|the ))",
    "(?:do not|don t) wait for (?:a |any )?(?:person|human|review|approval)",
    "no (?:further |human |manual )*(?:checks?|reviews?) (?:are |is )?(?:needed|required|necessary)",
    "skip (?:the |all |any )?(?:checks|reviews|verification)",
    "ohne (?:einen |eine |irgend\\w+ )?(?:mensch|person|mitarbeiter|vorgesetzte|kollege)\\w*~(?:frag|beteilig|einbez)",
    "sans (?:demander|consulter)", "sin (?:preguntar|consultar)",
    "ohne dass (?:ein|eine|irgend\\w+) (?:mensch|person|mitarbeiter)",
    "(?:do not|don t) involve (?:the |any |a )?(?:staff|human|person|people|anyone)",
    "ohne (?:jede |weitere |menschliche )*(?:pruf|kontroll|ruckfrage|freigabe)",
    "sans (?:aucune? )?(?:controle|verification|examen|relecture)",
    "sin (?:ninguna )?(?:revision|control|verificacion)",
    "senza (?:alcun\\w* )?(?:controll|verific|revision)", "zonder (?:controle|menselijke)",
)  # fmt: skip
_ONLY = _words(
    "(?:only|sole|single) (?:valid |possible |allowed |permitted |correct )?(?:answer|response|output|reply|result)~(?:is|must|should|be)\\b",
    "(?:respond|answer|reply|say|return|output)~and nothing else",
    "the (?:correct|right|expected|only) (?:class|label|answer|score|category|verdict) is\\b",
    "(?:output|return|print|respond|answer|reply|write)(?: with)?(?: the| a)? (?:single|one|exact) words?\\b",
    "(?:output|return|print|respond|answer|reply|write)(?: with)? (?:nothing|only|exactly|just)(?: but| except| the| with)*(?: the)? words?\\b",
    "(?:output|return|print|respond with|answer with) nothing (?:but|except)",
    "(?:regardless|irrespective|no matter)~(?:label|score|answer|result|output|rating|verdict)~(?:must|should|is)",
    "einzige (?:\\w+ )?(?:antwort|ausgabe)~(?:ist|laute|muss)",
    "gib (?:ausschliesslich|nur) (?:das wort|die antwort)",
    "seule (?:\\w+ )?(?:reponse|sortie)~(?:est|doit|sera)",
    "unica (?:respuesta|risposta)~(?:es|e|debe|deve)",
)  # fmt: skip
_PREVAIL = _words(
    "tak(?:e|es|ing) (?:precedence|priority)", "supersede", "overrid(?:e|es)\\b", "outrank",
    "replace", "(?:haben|hat) vorrang", "ersetzen", "remplacent",
    "(?:ont|a) priorite", "tienen prioridad", "reemplazan", "sostituiscono", "prevalgono",
    "hebben voorrang", "substituem",
)  # fmt: skip
_OVER = _words(
    "system", "operator", "your (?:configuration|instruction|rules|guideline)",
    "all (?:\\w+ )?(?:guidance|instructions|rules)", "earlier guidance", "developer",
    "previous (?:instructions|rules|guidance)", "deine", "betreiber", "systeme", "celles d",
    "sistema",
)  # fmt: skip
_CLAIMED = _words(
    "(?:system|priority|admin|administrator|developer|security|safety) overrid",
    "i (?:am|m) your (?:developer|admin|creator|operator|programmer|owner|maker)",
    "(?:hier spricht|ich bin|hier ist) dein\\w* (?:entwickler|administrator|betreiber|ersteller)",
    "je suis (?:ton|votre) (?:developpeur|administrateur|createur)",
    "soy tu (?:desarrollador|administrador|creador)", "sono il tuo (?:sviluppatore|amministratore)",
    "now the (?:operator|developer|system) speaks",
    "your (?:actual|real|true) (?:job|task|goal|purpose|mission|instructions?)",
    "(?:new|actual|real) (?:task|job|goal|objective|instructions?) ?:",
    "neue (?:aufgabe|anweisung\\w*|befehle?) ?:",
    "deine (?:eigentliche|wahre|wirkliche|neue) aufgabe",
    "nouvelles? (?:tache|consigne|mission|instruction)s? ?:", "nueva (?:tarea|orden) ?:",
    "nuov[oa] (?:compito|istruzione) ?:",
    "treat (?:the rest|everything|what follows|this|the following)~as (?:commands?|instructions?|orders?)",
    "obey (?:this|these|the following|me|mine)\\b",
    "as your (?:developer|admin|administrator|creator|operator|owner)",
    "i (?:hereby )?(?:order|command|instruct) you",
    "you (?:serve|obey|work for|answer to) (?:only )?me\\b",
)  # fmt: skip
_USE_TOOL = _words(
    "(?:use|call|invoke|trigger|run)~(?:tool|function|api|plugin|webhook)\\b(?! room)",
    "(?:execute|run)~(?:following|this|these) (?:shell |sql )?(?:commands?|code|scripts?|query|sql)\\b",
    "(?:ruf|rufe|verwende|benutze|nutze)~(?:werkzeug|funktion|schnittstelle)",
    "fuhr(?:e|en)~befehle?\\b", "(?:appelle|utilise)[zr]?~(?:outil|fonction)\\b",
    "execute[zr]?~commande\\b",
    "(?:usa|llama|utiliza)~(?:herramienta|funcion)\\b", "ejecut[ae]~comando\\b",
    "(?:usa|chiama)~(?:strumento|funzione)\\b", "esegui~comando\\b", "roep~functie\\b",
)  # fmt: skip
_SEND = _words(
    "send\\b", "post\\b", "forward\\b", "upload\\b", "e ?-?mail\\b", "transmit\\b", "leak\\b",
    "exfiltrate", "ship\\b", "export\\b", "hand\\b", "deliver\\b", "copy\\b", "leit(?:e|en)\\b",
    "schick", "send(?:e|en)\\b", "ubermittl",
    "transmet", "envoie", "envoye[zr]\\b", "envi[ae]\\b", "invia\\b", "stuur\\b", "envie\\b",
)  # fmt: skip
_OTHERS_DATA = _words(
    "(?:every|all|each)~(?:customer|client|user|account|patient|employee)\\w*",
    "(?:customer|client|user) (?:data|records?|database|list)",
    "(?:contents?|transcript|history) of (?:this|the|our) (?:conversation|chat|session)",
    "(?:this|the|our|entire|whole|full) (?:conversation|chat history|session)",
    "other (?:letters|messages|documents|customers|cases|mails)",
    "(?:all|any|your) (?:api )?(?:keys|credentials|secrets|tokens)",
    "alle kundendaten", "(?:alle|samtliche)~daten der kunden",
    "(?:diese|die ganze) (?:unterhaltung|konversation)", "donnees des clients",
    "tou(?:s|tes) (?:les )?(?:donnees|clients)", "datos de los clientes",
    "todos los (?:clientes|datos)",
    "dati dei clienti", "klantgegevens",
)  # fmt: skip
_NOT = _words(
    "do not", "don t\\b", "never\\b", "without\\b", "kein", "nicht\\b", "niemand", "nie\\b",
    "auf keinen fall", "n en\\b", "ne\\b", "n\\b", "sans\\b", "no\\b", "sin\\b", "non\\b",
    "senza\\b", "niet\\b", "geen\\b", "nao\\b",
)  # fmt: skip
_INVOLVE = _words(
    "let~see\\b", "transmet", "confie", "escalat", "forward", "hand(?:ing)? (?:this|it|over)",
    "pass(?:ing)? (?:this|it)", "tell(?:ing)?\\b", "inform", "mention", "notify", "alert", "show",
    "ask(?:ing)?\\b", "weiter", "sag", "wissen", "melde",
    "parle", "dis\\b", "dites", "avert", "avis", "transf",
)  # fmt: skip
_PEOPLE = _words(
    "(?:any |a |the )?(?:human|reviewer|staff|supervisor|moderator|operator|user|auditor)s?\\b",
    "mensch", "niemand", "prufer", "nutzer", "mitarbeiter", "humain", "personne\\b", "utilisateur",
    "humano", "umano", "mens\\b", "utente",
)  # fmt: skip
_KEEP = _words(
    "(?:user|human|reviewer|operator)s? must not (?:notice|know|see|learn|find out)",
    "keep (?:this|it|the)(?: \\w+)? (?:hidden|secret|away|concealed) from (?:the |any )?(?:reviewer|human|staff|user|operator|auditor|moderator|supervisor)",
    "(?:do not|don t) (?:escalate|hand over|refer)~to (?:a |any )?(?:human|person|reviewer|supervisor)",
    "decode~(?:do|follow|obey|execute|apply) (?:what|it|its|the)",
    "(?:entschlussel|dekodier)\\w*~(?:befolg|fuhr|tu)\\w*",
    "decode[zr]?~(?:suis|suivez|execute|applique)",
)  # fmt: skip

FRAMES = (
    Frame("ignore_instructions", 0.75, (_words(*_REVOKE), _ORDER, _READERS), is_act=True),
    Frame("ignore_instructions", 0.7, (_words(*_VOID), _ORDER, _READERS)),
    Frame("ignore_instructions", 0.75, (_TOLD, _words(*_REVOKE, *_VOID))),
    Frame("role_play", 0.7, (_UNBOUND, _AS_IF)),
    Frame("role_play", 0.65, (_FREED,)),
    Frame("reveal_prompt", 0.7, (_REVEAL, _SECRET)),
    Frame("addressed", 0.65, (_ADDRESSED, _OUTCOME)),
    Frame("force_outcome", 0.6, (_OUTCOME, _UNCHECKED), is_act=True),
    Frame("force_outcome", 0.65, (_ONLY,)),
    Frame("new_instructions", 0.65, (_PREVAIL, _words(*_ORDERS, "message", "text", "note", "paragraph"), _OVER)),
    Frame("new_instructions", 0.6, (_CLAIMED,)),
    Frame("tool_call", 0.6, (_USE_TOOL,), is_act=True),
    Frame("send_out", 0.65, (_SEND, _OTHERS_DATA), is_act=True),
    Frame("hide_from_people", 0.6, (_INVOLVE, _NOT, _PEOPLE), is_act=True),
    Frame("hide_from_people", 0.65, (_KEEP,)),
)  # fmt: skip

_REPORTED = re.compile(
    r"(?<![a-z])(?:says?|said|thinks?|believes?|heard|read that|wonder|sagt|sagte|meint|glaube|dit que|croi[st]|dice|told me|told us)(?![a-z])"
)
# "Do not forget" asks to heed something.
_KEPT = re.compile(
    r"(?<![a-z])(?:(?:do not|don.?t|never) (?:forget|ignore|skip|neglect|disregard)|vergessen sie(?: \w+){0,2} nicht"
    r"|vergiss(?: \w+){0,2} nicht|n.oublie[zr]?|nicht (?:zu )?vergessen|no olvid\w+|non dimentic\w+|vergeet(?: \w+)? niet)"
)
_SENTENCE = re.compile(rf"[^.!?;\n]{{1,{LONGEST_SENTENCE}}}")
_MINE = re.compile(
    r"(?<![a-z])(?:my|our|mine|meine?[nrms]?|unsere?[nrms]?|mon|ma|mes|nos|notre|mis?|nuestr\w+|mi[ao]|mie[i]?|mijn|meu|minhas?)(?![a-z])"
)
# Who does it, where it is no order: the last of these before the verb.
_SUBJECT = re.compile(
    r"(?<![a-z])(?:(?P<you>you|du|tu|vous|sie|usted|jij|je|voce)|(?P<other>i|we|they|he|she|who|nobody|ich|wir|er|man|j|nous|ils|elles|il|elle|on|yo|ik|eu"
    r"|told me|told us|told|asked me|did you|do you|does|did|have|has|had|was|were|can i|may i|colleague|kollege|mitarbeiter|ai|hat|habe|haben|wurden?|konne|musse))(?![a-z])"
)


def find_orders(folded: Folded) -> Iterator[Order]:
    """Yield the orders in a text, one of each frame for a sentence. Places are of the folded text."""
    text = folded.text
    for sentence in _SENTENCE.finditer(text):
        said = sentence[0]
        for frame in FRAMES:
            if order := _fit(frame, said, sentence.start()):
                yield order


def _fit(frame: Frame, said: str, offset: int) -> Order | None:
    spans = []
    for part in frame.parts:
        found = part.search(said)
        if found is None:
            return None
        spans.append(found.span())
    start, end = min(each[0] for each in spans), max(each[1] for each in spans)
    score = frame.score
    verb = spans[0][0] if frame.is_act else None
    if not frame.is_act and _REPORTED.search(said, 0, start):
        score *= _OWN
    if (
        _KEPT.search(said)
        or _MINE.search(said, max(0, start - 20), end)
        or (verb is not None and _is_told_of_others(said, verb))
    ):
        score *= _OWN
    return Order(frame.rule, offset + start, offset + end, round(score, 3))


def is_no_order(text: str, start: int, end: int) -> bool:
    """Return whether a phrase that begins with a verb is about the writer's own things or others."""
    begin = max(text.rfind(sign, max(0, start - 80), start) for sign in ".!?;\n") + 1
    said = text[max(begin, start - 80) : end]
    verb = start - max(begin, start - 80)
    return bool(_MINE.search(said, verb) or _is_told_of_others(said, verb) or _KEPT.search(said))


def _is_told_of_others(said: str, verb: int) -> bool:
    """Return whether the last that is named before a verb is somebody else than the reader."""
    named = list(_SUBJECT.finditer(said, max(0, verb - 60), verb))
    return bool(named) and named[-1]["other"] is not None
