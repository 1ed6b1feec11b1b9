//! The 36 units of the county hall and what may be applied for at each: kinds of services that every Chinese county has, in
//! words of our own.

use super::items::{Class, Subject};

/// A unit as the demo describes it.
#[derive(Debug)]
pub struct UnitPlan {
    /// Code, as events give it.
    pub code: &'static str,
    /// Name in Chinese.
    pub name: &'static str,
    /// Name in English.
    pub name_en: &'static str,
    /// Share of the county hall's cases, against the other units.
    pub weight: f64,
    /// Windows in the county hall.
    pub windows: u32,
    /// What its items are about.
    pub subjects: &'static [Subject],
}

const C: u8 = super::COUNTY;
const CT: u8 = super::COUNTY | super::TOWN;
const CTV: u8 = super::COUNTY | super::TOWN | super::VILLAGE;
const TV: u8 = super::TOWN | super::VILLAGE;

const fn unit(
    code: &'static str,
    name: &'static str,
    name_en: &'static str,
    weight: f64,
    windows: u32,
    subjects: &'static [Subject],
) -> UnitPlan {
    UnitPlan {
        code,
        name,
        name_en,
        weight,
        windows,
        subjects,
    }
}

const fn s(name: &'static str, name_en: &'static str, class: Class, at: u8) -> Subject {
    Subject {
        name,
        name_en,
        class,
        at,
    }
}

use Class::{Approval, Benefit, Filing, Joint, License, Proof, Registration};

/// The units, busiest first by nature, not by order.
pub const UNITS: [UnitPlan; 36] = [
    unit(
        "人社局",
        "人力资源和社会保障局",
        "Human Resources and Social Security",
        9.0,
        2,
        &[
            s(
                "城乡居民养老保险",
                "residents' pension insurance",
                Benefit,
                CTV,
            ),
            s("失业保险金", "unemployment benefit", Benefit, CT),
            s("社会保险参保", "social insurance enrolment", Proof, CTV),
            s("劳务派遣经营许可", "labour dispatch licence", License, C),
            s("人力资源服务机构", "human resource agency", Filing, C),
        ],
    ),
    unit(
        "公安局",
        "公安局",
        "Public Security",
        8.5,
        2,
        &[
            s("户口", "household", Registration, CT),
            s("居住证", "residence permit", Registration, CT),
            s("无犯罪记录", "absence of a criminal record", Proof, C),
            s("旅馆业特种行业许可", "hotel trade licence", License, C),
            s(
                "大型群众性活动安全许可",
                "safety of large public events",
                Approval,
                C,
            ),
        ],
    ),
    unit(
        "自然资源局",
        "自然资源和规划局",
        "Natural Resources and Planning",
        7.0,
        2,
        &[
            s("不动产", "real estate", Registration, C),
            s("不动产权属", "real estate title", Proof, CT),
            s(
                "建设用地规划许可",
                "planning permit for building land",
                Approval,
                C,
            ),
            s(
                "农村宅基地规划许可",
                "planning permit for a rural homestead",
                Approval,
                CT,
            ),
            s("临时用地", "temporary use of land", Approval, C),
        ],
    ),
    unit(
        "市场监管局",
        "市场监督管理局",
        "Market Regulation",
        9.0,
        2,
        &[
            s("个体工商户", "sole trader", Registration, CT),
            s("公司", "company", Registration, C),
            s("食品经营许可", "food business licence", License, CT),
            s("特种设备使用", "use of special equipment", Registration, C),
            s("企业开办", "starting a business", Joint, C),
        ],
    ),
    unit(
        "住建局",
        "住房和城乡建设局",
        "Housing and Urban-Rural Development",
        5.0,
        2,
        &[
            s("建筑工程施工许可", "construction permit", Approval, C),
            s(
                "商品房预售许可",
                "presale of commercial housing",
                License,
                C,
            ),
            s("公租房", "public rental housing", Benefit, CT),
            s(
                "农村危房改造补助",
                "grant for unsafe rural houses",
                Benefit,
                TV,
            ),
            s(
                "房屋建筑工程竣工验收",
                "completion of building works",
                Filing,
                C,
            ),
        ],
    ),
    unit(
        "税务局",
        "税务局",
        "Taxation",
        8.0,
        2,
        &[
            s("税务", "taxpayer", Registration, CT),
            s("完税", "tax paid", Proof, CT),
            s("发票领用资格", "entitlement to invoices", Registration, C),
            s(
                "城乡居民医保缴费",
                "residents' medical insurance contributions",
                Proof,
                CTV,
            ),
        ],
    ),
    unit(
        "民政局",
        "民政局",
        "Civil Affairs",
        4.5,
        2,
        &[
            s("最低生活保障", "minimum living allowance", Benefit, CTV),
            s("高龄津贴", "old age allowance", Benefit, CTV),
            s("特困人员供养", "support for destitute persons", Benefit, TV),
            s("社会团体成立", "social association", Registration, C),
            s("养老机构", "care home", Filing, C),
        ],
    ),
    unit(
        "卫健委",
        "卫生健康委员会",
        "Health",
        4.0,
        2,
        &[
            s(
                "公共场所卫生许可",
                "sanitary licence of public places",
                License,
                C,
            ),
            s("医疗机构执业", "medical practice", Registration, C),
            s("生育", "births", Registration, CTV),
            s(
                "独生子女父母奖励",
                "award for parents of an only child",
                Benefit,
                TV,
            ),
        ],
    ),
    unit(
        "医保局",
        "医疗保障局",
        "Medical Insurance",
        6.5,
        2,
        &[
            s("异地就医", "treatment away from home", Filing, CTV),
            s(
                "医疗费用报销",
                "reimbursement of medical costs",
                Benefit,
                CT,
            ),
            s(
                "门诊慢特病待遇",
                "outpatient chronic disease benefit",
                Benefit,
                CT,
            ),
            s("医保参保", "medical insurance enrolment", Proof, CTV),
        ],
    ),
    unit(
        "公积金中心",
        "住房公积金管理中心",
        "Housing Provident Fund",
        4.5,
        2,
        &[
            s("住房公积金提取", "provident fund withdrawal", Benefit, C),
            s("住房公积金贷款", "provident fund loan", Benefit, C),
            s("住房公积金缴存", "provident fund deposits", Proof, C),
        ],
    ),
    unit(
        "交通局",
        "交通运输局",
        "Transport",
        3.5,
        2,
        &[
            s("道路货物运输经营许可", "road haulage licence", License, C),
            s(
                "道路旅客运输经营许可",
                "passenger transport licence",
                License,
                C,
            ),
            s("普通货运车辆", "haulage vehicle", Registration, C),
            s("涉路施工", "works on a highway", Approval, C),
        ],
    ),
    unit(
        "农业农村局",
        "农业农村局",
        "Agriculture and Rural Affairs",
        3.0,
        2,
        &[
            s("农药经营许可", "pesticide dealer licence", License, C),
            s("动物防疫条件", "animal epidemic prevention", License, C),
            s("农机购置补贴", "farm machinery subsidy", Benefit, CTV),
            s("家庭农场", "family farm", Registration, CT),
            s(
                "耕地地力保护补贴",
                "farmland protection subsidy",
                Benefit,
                TV,
            ),
        ],
    ),
    unit(
        "水务局",
        "水务局",
        "Water",
        1.6,
        1,
        &[
            s("取水许可", "water abstraction licence", License, C),
            s(
                "生产建设项目水土保持方案",
                "soil conservation plan",
                Approval,
                C,
            ),
            s(
                "河道管理范围内工程建设",
                "works within a river's bounds",
                Approval,
                C,
            ),
        ],
    ),
    unit(
        "生态环境局",
        "生态环境局",
        "Ecology and Environment",
        1.8,
        1,
        &[
            s(
                "建设项目环境影响评价",
                "environmental impact assessment",
                Approval,
                C,
            ),
            s("排污许可", "pollutant discharge licence", License, C),
            s("固定污染源排污", "fixed source discharge", Registration, C),
        ],
    ),
    unit(
        "城管局",
        "城市管理局",
        "Urban Management",
        2.6,
        2,
        &[
            s("户外广告设置", "outdoor advertising", License, C),
            s("城市建筑垃圾处置", "disposal of building waste", License, C),
            s(
                "临时占用城市道路",
                "temporary occupation of a street",
                Approval,
                C,
            ),
        ],
    ),
    unit(
        "发改委",
        "发展和改革委员会",
        "Development and Reform",
        1.6,
        1,
        &[
            s("企业投资项目", "investment project", Filing, C),
            s(
                "政府投资项目建议书",
                "proposal of a public project",
                Approval,
                C,
            ),
            s(
                "固定资产投资项目节能",
                "energy review of an investment",
                Approval,
                C,
            ),
        ],
    ),
    unit(
        "工信局",
        "工业和信息化局",
        "Industry and Information",
        1.0,
        1,
        &[
            s("技术改造投资项目", "technical upgrade project", Filing, C),
            s(
                "中小企业扶持资金",
                "small business support fund",
                Benefit,
                C,
            ),
            s("民用爆炸物品销售", "sale of civil explosives", License, C),
        ],
    ),
    unit(
        "教体局",
        "教育体育局",
        "Education and Sports",
        3.4,
        2,
        &[
            s("教师资格", "teaching qualification", License, C),
            s("民办学校办学许可", "private school licence", License, C),
            s("学生学籍", "pupil", Registration, CT),
            s(
                "家庭经济困难学生资助",
                "aid for pupils in need",
                Benefit,
                CTV,
            ),
        ],
    ),
    unit(
        "文旅局",
        "文化广电和旅游局",
        "Culture and Tourism",
        1.5,
        1,
        &[
            s(
                "互联网上网服务经营许可",
                "internet café licence",
                License,
                C,
            ),
            s("营业性演出", "commercial performance", License, C),
            s("旅行社分社", "travel agency branch", Filing, C),
        ],
    ),
    unit(
        "应急局",
        "应急管理局",
        "Emergency Management",
        1.7,
        1,
        &[
            s(
                "危险化学品经营许可",
                "hazardous chemicals licence",
                License,
                C,
            ),
            s("烟花爆竹零售许可", "fireworks retail licence", License, CT),
            s("生产安全事故应急预案", "emergency plan", Filing, C),
        ],
    ),
    unit(
        "司法局",
        "司法局",
        "Justice",
        1.4,
        1,
        &[
            s("法律援助", "legal aid", Benefit, CTV),
            s("律师执业许可", "lawyer's licence", License, C),
            s("人民调解协议", "mediation agreement", Filing, TV),
        ],
    ),
    unit(
        "财政局",
        "财政局",
        "Finance",
        0.9,
        1,
        &[
            s("代理记账许可", "bookkeeping agency licence", License, C),
            s(
                "政府采购供应商",
                "public procurement supplier",
                Registration,
                C,
            ),
            s("会计人员信息", "accountant's record", Registration, C),
        ],
    ),
    unit(
        "商务局",
        "商务局",
        "Commerce",
        0.9,
        1,
        &[
            s("成品油零售经营", "retail of refined oil", License, C),
            s("单用途预付卡", "single-purpose prepaid card", Filing, C),
            s("对外贸易经营者", "foreign trade operator", Filing, C),
        ],
    ),
    unit(
        "林业局",
        "林业局",
        "Forestry",
        1.0,
        1,
        &[
            s("林木采伐许可", "felling licence", License, CT),
            s("林地使用", "use of forest land", Approval, C),
            s("林草种子生产经营", "forest seed dealer", License, C),
        ],
    ),
    unit(
        "退役军人局",
        "退役军人事务局",
        "Veterans Affairs",
        1.3,
        1,
        &[
            s("退役军人优待证", "veteran's card", Benefit, CTV),
            s(
                "优抚对象抚恤补助",
                "pension for entitled persons",
                Benefit,
                CT,
            ),
            s(
                "自主就业退役士兵",
                "veteran seeking own work",
                Registration,
                C,
            ),
        ],
    ),
    unit(
        "残联",
        "残疾人联合会",
        "Disabled Persons' Federation",
        1.6,
        1,
        &[
            s("残疾人证", "disability card", License, CT),
            s("残疾人两项补贴", "two disability allowances", Benefit, CTV),
            s("残疾人辅助器具", "assistive devices", Benefit, TV),
        ],
    ),
    unit(
        "气象局",
        "气象局",
        "Meteorology",
        0.5,
        1,
        &[
            s(
                "雷电防护装置设计",
                "lightning protection design",
                Approval,
                C,
            ),
            s("升放气球活动", "release of balloons", License, C),
            s("气象灾害", "weather damage", Proof, CT),
        ],
    ),
    unit(
        "消防大队",
        "消防救援大队",
        "Fire and Rescue",
        1.6,
        1,
        &[
            s(
                "公众聚集场所消防安全",
                "fire safety of public places",
                License,
                C,
            ),
            s("建设工程消防验收", "fire inspection of works", Filing, C),
            s("火灾事故", "fire accident", Proof, C),
        ],
    ),
    unit(
        "烟草局",
        "烟草专卖局",
        "Tobacco Monopoly",
        1.8,
        1,
        &[
            s("烟草专卖零售许可", "tobacco retail licence", License, CT),
            s("烟草专卖运输", "tobacco transport", License, C),
        ],
    ),
    unit(
        "供电公司",
        "供电公司",
        "Power Supply",
        2.2,
        1,
        &[
            s("低压用电", "low-voltage supply", Registration, CT),
            s("高压用电", "high-voltage supply", License, C),
            s("电费", "electricity charges", Proof, CTV),
        ],
    ),
    unit(
        "自来水公司",
        "自来水公司",
        "Waterworks",
        1.6,
        1,
        &[
            s("用水", "water supply", Registration, C),
            s("水费", "water charges", Proof, C),
            s("获得用水用气", "getting water and gas", Joint, C),
        ],
    ),
    unit(
        "燃气公司",
        "燃气公司",
        "Gas Supply",
        1.1,
        1,
        &[
            s("居民用气", "household gas supply", Registration, C),
            s("工商业用气", "commercial gas supply", License, C),
            s("燃气费", "gas charges", Proof, C),
        ],
    ),
    unit(
        "档案馆",
        "档案馆",
        "Archives",
        0.8,
        1,
        &[
            s("婚姻档案", "marriage records", Proof, CT),
            s("知青档案", "rustication records", Proof, C),
            s("招工档案", "employment records", Proof, C),
        ],
    ),
    unit(
        "数据局",
        "数据局",
        "Data Administration",
        1.2,
        1,
        &[
            s("新生儿出生", "birth of a child", Joint, CT),
            s("公民身后", "after a death", Joint, CT),
            s("公共数据开放", "opening of public data", Benefit, C),
            s("电子证照", "electronic licence", Proof, CTV),
        ],
    ),
    unit(
        "国防动员办",
        "国防动员办公室",
        "National Defence Mobilisation",
        0.4,
        1,
        &[
            s(
                "防空地下室易地建设",
                "air-raid shelter built elsewhere",
                Approval,
                C,
            ),
            s("人防工程竣工", "completed shelter", Filing, C),
            s(
                "人防工程平时使用",
                "peacetime use of a shelter",
                Registration,
                C,
            ),
        ],
    ),
    unit(
        "乡村振兴局",
        "乡村振兴局",
        "Rural Revitalisation",
        0.9,
        1,
        &[
            s("雨露计划补助", "vocational study grant", Benefit, TV),
            s("小额信贷贴息", "microcredit interest subsidy", Benefit, TV),
            s(
                "防返贫监测对象",
                "household at risk of poverty",
                Registration,
                CT,
            ),
        ],
    ),
];

/// The units that staff a town centre's nine windows, in the order of the windows.
pub const TOWN_WINDOWS: [&str; 9] = [
    "人社局",
    "民政局",
    "医保局",
    "公安局",
    "自然资源局",
    "农业农村局",
    "市场监管局",
    "税务局",
    "残联",
];
