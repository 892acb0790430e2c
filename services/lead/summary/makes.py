"""Makes and models, and what else their names mean: tables only."""
# ruff: noqa: E501, SIM905 - a table reads best with one line a make, in every script

from __future__ import annotations

from typing import Final

MAKES: Final = {
    "Acura": "Integra TL TLX TSX MDX RDX ILX RSX NSX Legend",
    "Alfa Romeo": "Giulia Stelvio Spider",
    "Aston Martin": "Vantage DB9 DB11",
    "Audi": "A3 A4 A5 A6 A7 A8 Q3 Q5 Q7 Q8 TT R8 S4 S5 RS5 e-tron Allroad",
    "Bentley": "Continental Bentayga Arnage Mulsanne",
    "BMW": "X1 X3 X5 X6 X7 M3 M4 M5 Z3 Z4 i3 i8 2002 E30 E36 E46 320i 325i 328i 330i 335i 528i 535i 540i 740i",
    "Buick": "Regal LeSabre Riviera Skylark Enclave Encore Century Electra Wildcat Roadmaster Grand_National",
    "Cadillac": "Escalade DeVille Eldorado CTS CT5 XT5 SRX Fleetwood Seville ATS",
    "Chevrolet": "Silverado Camaro Corvette Impala Malibu Tahoe Suburban Chevelle Nova Bel_Air Blazer C10 S10 Colorado Equinox Cruze Traverse Monte_Carlo El_Camino Astro Express Spark Bolt Volt Trax Sonic Avalanche K5 Cheyenne",
    "Chrysler": "300 300C Pacifica Town_and_Country Sebring PT_Cruiser LeBaron",
    "Datsun": "240Z 260Z 280Z 280ZX 510",
    "Dodge": "Challenger Charger Durango Caravan Dart Ram Dakota Viper Journey Magnum Avenger",
    "Ferrari": "308 328 348 355 360 F430 California Testarossa",
    "Fiat": "500 124 Spider",
    "Ford": "F-150 F-250 F-350 Mustang Explorer Escape Focus Fusion Bronco Ranger Expedition Edge Transit Econoline E-350 Taurus Thunderbird Fairlane Galaxie Falcon Model_A Model_T Maverick Fiesta Excursion Crown_Victoria Flex",
    "Genesis": "G70 G80 GV70 GV80",
    "GMC": "Sierra Yukon Acadia Terrain Canyon Savana Denali Jimmy Envoy",
    "Honda": "Civic Accord CR-V CRV Pilot Odyssey Fit Element Ridgeline HR-V Insight Prelude S2000 Passport Gold_Wing Shadow",
    "Hummer": "H1 H2 H3",
    "Hyundai": "Elantra Sonata Tucson Santa_Fe Palisade Kona Accent Veloster Ioniq",
    "Infiniti": "G35 G37 Q50 QX60 QX80 FX35",
    "Isuzu": "NPR Trooper Rodeo",
    "Jaguar": "XJ XJ6 XJ8 XF XK XK8 XKE E-Type F-Type F-Pace S-Type",
    "Jeep": "Wrangler Cherokee Grand_Cherokee Gladiator CJ5 CJ7 Compass Renegade Liberty Wagoneer Patriot",
    "Kia": "Sorento Sportage Optima Soul Forte Telluride Sedona Stinger Rio Carnival",
    "Lamborghini": "Gallardo Huracan Urus Diablo Countach",
    "Land Rover": "Defender Discovery Range_Rover LR3 LR4 Evoque",
    "Lexus": "ES300 ES350 IS250 IS300 IS350 GS300 GX460 GX470 LX470 LX570 RX300 RX330 RX350 LS400 LS430 LS460 SC430 SC300 NX CT200h",
    "Lincoln": "Navigator Town_Car Continental MKZ MKX Aviator",
    "Lucid": "Air",
    "Maserati": "Ghibli Quattroporte Levante GranTurismo",
    "Mazda": "Miata MX-5 RX-7 RX-8 Mazda3 Mazda6 CX-5 CX-9 CX-30 B2200 Protege",
    "Mercedes-Benz": "C300 C230 C240 E320 E350 E500 E550 S500 S550 SL500 SL550 SLK GLC GLE GLS ML350 GL450 Sprinter 190E 300D 450SL 560SL G-Wagon G550",
    "Mercury": "Cougar Grand_Marquis Mountaineer Sable",
    "MG": "MGB Midget TD",
    "Mini": "Cooper Countryman Clubman",
    "Mitsubishi": "Outlander Lancer Eclipse Galant Montero Mirage",
    "Nissan": "Altima Sentra Maxima Rogue Pathfinder Frontier Titan 350Z 370Z 300ZX Murano Versa Leaf Xterra Armada Quest 240SX",
    "Oldsmobile": "Cutlass 442 Delta_88 Toronado",
    "Plymouth": "Barracuda Cuda Road_Runner Duster Fury Valiant Prowler",
    "Polestar": "2 3",
    "Pontiac": "GTO Firebird Trans_Am Grand_Prix Bonneville Grand_Am Fiero Catalina LeMans",
    "Porsche": "911 912 914 924 928 944 968 356 Boxster Cayman Cayenne Macan Panamera Taycan",
    "Ram": "1500 2500 3500 ProMaster",
    "Rivian": "R1T R1S",
    "Rolls-Royce": "Phantom Ghost Silver_Shadow Corniche Wraith",
    "Saab": "900 9-3 9-5",
    "Saturn": "Vue Ion Sky",
    "Scion": "xB tC FR-S xA",
    "Studebaker": "Champion Hawk Avanti Lark",
    "Subaru": "Outback Forester Impreza WRX Legacy Crosstrek BRZ Ascent Baja",
    "Suzuki": "Samurai Sidekick Vitara",
    "Tesla": "Model_S Model_3 Model_X Model_Y Cybertruck Roadster",
    "Toyota": "Camry Corolla Prius Tacoma Tundra Highlander RAV4 4Runner Sienna Supra Celica MR2 FJ40 FJ_Cruiser Land_Cruiser Sequoia Avalon Matrix Yaris Venza Hilux GR86",
    "Triumph": "TR3 TR4 TR6 Spitfire Bonneville",
    "Volkswagen": "Beetle Jetta Golf GTI Passat Tiguan Atlas Westfalia Vanagon Karmann_Ghia Thing Touareg Rabbit",
    "Volvo": "XC40 XC60 XC90 S60 S80 V70 240 850 P1800 XC70",
    "Harley-Davidson": "Sportster Softail Fat_Boy Road_King Street_Glide Electra_Glide Road_Glide Dyna Heritage",
    "Kawasaki": "Ninja Vulcan Jet_Ski",
    "Yamaha": "R1 R6 V-Star Virago",
    "Ducati": "Monster Panigale Scrambler",
    "Indian": "Scout Chief Chieftain",
    "Polaris": "RZR Slingshot Ranger",
    "Sea Ray": "Sundancer", "Bayliner": "", "Boston Whaler": "", "MasterCraft": "", "Malibu Boats": "",
    "Airstream": "", "Winnebago": "", "Fleetwood": "", "Freightliner": "Cascadia", "Kenworth": "",
    "Peterbilt": "", "International Harvester": "Scout",
}  # fmt: skip
"""Make → its models, `_` for the space in one; people leave hyphens and spaces out as they like."""

ALIASES: Final = {
    "chevy": "Chevrolet", "vw": "Volkswagen", "mercedes": "Mercedes-Benz", "benz": "Mercedes-Benz",
    "harley": "Harley-Davidson", "caddy": "Cadillac", "land rover": "Land Rover", "bimmer": "BMW",
    "丰田": "Toyota", "豐田": "Toyota", "トヨタ": "Toyota", "도요타": "Toyota", "тойота": "Toyota",
    "تويوتا": "Toyota", "本田": "Honda", "ホンダ": "Honda", "혼다": "Honda", "хонда": "Honda",
    "هوندا": "Honda", "福特": "Ford", "フォード": "Ford", "форд": "Ford", "فورد": "Ford",
    "宝马": "BMW", "寶馬": "BMW", "бмв": "BMW", "奔驰": "Mercedes-Benz", "賓士": "Mercedes-Benz",
    "现代": "Hyundai", "현대": "Hyundai", "기아": "Kia", "日产": "Nissan", "ニッサン": "Nissan",
    "نيسان": "Nissan", "ниссан": "Nissan", "特斯拉": "Tesla", "雷克萨斯": "Lexus", "لكزس": "Lexus",
    "日産": "Nissan", "マツダ": "Mazda", "スバル": "Subaru", "テスラ": "Tesla", "レクサス": "Lexus", "ベンツ": "Mercedes-Benz",
    "雪佛兰": "Chevrolet", "起亚": "Kia", "奥迪": "Audi", "马自达": "Mazda", "斯巴鲁": "Subaru", "大众": "Volkswagen",
    "테슬라": "Tesla", "렉서스": "Lexus", "벤츠": "Mercedes-Benz", "쉐보레": "Chevrolet", "포드": "Ford",
    "هيونداي": "Hyundai", "مرسيدس": "Mercedes-Benz", "شيفروليه": "Chevrolet", "تسلا": "Tesla",
    "лексус": "Lexus", "мерседес": "Mercedes-Benz", "шевроле": "Chevrolet", "тесла": "Tesla",
    "होंडा": "Honda", "होण्डा": "Honda", "टोयोटा": "Toyota", "फोर्ड": "Ford", "निसान": "Nissan",
}  # fmt: skip
"""How people and other scripts write a make."""

MODEL_ALIASES: Final = {
    "凯美瑞": "Camry", "卡罗拉": "Corolla", "思域": "Civic", "雅阁": "Accord", "雅閣": "Accord", "普锐斯": "Prius",
    "汉兰达": "Highlander", "奥德赛": "Odyssey", "シビック": "Civic", "アコード": "Accord", "フィット": "Fit",
    "プリウス": "Prius", "カムリ": "Camry", "カローラ": "Corolla", "캠리": "Camry", "시빅": "Civic", "어코드": "Accord",
    "쏘나타": "Sonata", "소나타": "Sonata", "아반떼": "Elantra", "엘란트라": "Elantra", "كامري": "Camry",
    "كورولا": "Corolla", "سيفيك": "Civic", "أكورد": "Accord", "اكورد": "Accord", "إلنترا": "Elantra", "النترا": "Elantra",
    "سوناتا": "Sonata", "камри": "Camry", "королла": "Corolla", "цивик": "Civic", "аккорд": "Accord",
    "सिविक": "Civic", "अकॉर्ड": "Accord", "कैमरी": "Camry", "कोरोला": "Corolla",
}  # fmt: skip
"""Likewise a model: believed beside its make, as some are words."""

ALSO_WORDS: Final = frozenset(
    """
    air 2 3 300 308 328 348 355 360 500 124 510 850 240 900 442 1500 2500 3500 2002 ghost
    hawk champion spider legend vantage century electra spark dart ram edge escape focus
    fusion flex fit element pilot passport insight shadow accent soul forte rio discovery
    liberty patriot compass chief scout monster heritage ranger express volt bolt journey
    magnum sonic fury continental phantom matrix quest leaf rogue frontier titan mirage
    ion sky thing rabbit golf atlas beetle legacy ascent baja cooper midget td lark
    transit explorer expedition roadster scrambler ninja vulcan samurai california lancer
    eclipse regal defender jimmy nova falcon maverick charger challenger r1 r6 m3 m4 m5 nx tt tl
    """.split()
)
"""Models that mean something else as well: only beside their make or a year."""


ALSO_MAKES: Final = frozenset(
    {"Ram", "Mini", "Indian", "Genesis", "Saturn", "Mercury", "Lincoln", "Triumph", "Polaris", "Lucid",
     "Fleetwood", "MG", "Scion", "Malibu Boats"}
)  # fmt: skip
"""Makes that mean something else as well: only with a year or a model."""


ALSO_PLACES: Final = frozenset(
    """
    tahoe malibu sierra yukon denali tucson santafe colorado dakota durango pacifica sebring
    telluride sedona tacoma seville riviera catalina bonneville kona avalon cheyenne acadia sequoia
    montecarlo belair
    """.split()
)
ALSO_NAMES: Final = frozenset({"mercedes", "sierra", "dakota", "sienna", "sedona", "avalon"})
