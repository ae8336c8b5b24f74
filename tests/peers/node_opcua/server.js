// A node-opcua server in a process of its own, told what to do by lines of JSON.
//
// {"start": {"folder": F, "user": U, "password": P}} first: it keeps its certificates in F, wants
// that login if there is one, and answers {"port": N, "certificate": "<file>"}. Then any number of
// {"set": NAME, "type": "Double", "value": V}, {"recipe": {...}}, {"file": "<base64>"}; each is
// answered {} once it is done. {"get": NAME} is answered {"value": V}. All values go through node-opcua's own API. It ends with its input.
// Run it in the folder that holds node_modules.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const ua = await import(require.resolve("node-opcua"));
const { DataType, VariantArrayType, StatusCodes } = ua;
const here = dirname(process.argv[1]);

// Its notices must not get between the answers.
console.log = console.info = console.warn = (...what) => console.error(...what);

const RECIPE = "http://example.com/recipe";

async function start({ folder, user, password }) {
  const trust = new ua.OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: true,
  });
  await trust.initialize();
  const server = new ua.OPCUAServer({
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    port: 0,
    allowAnonymous: !user,
    userManager: { isValidUser: (name, secret) => name === user && secret === password },
    serverCertificateManager: trust,
    userCertificateManager: trust,
    nodeset_filename: [ua.nodesets.standard, ua.nodesets.di, join(here, "recipe.xml")],
    buildInfo: {
      manufacturerName: "Example Peers",
      productName: "Peer",
      softwareVersion: "4.2",
      buildNumber: "1",
      buildDate: new Date(0),
    },
    securityPolicies: [
      ua.SecurityPolicy.None,
      ua.SecurityPolicy.Basic256Sha256,
      ua.SecurityPolicy.Aes128_Sha256_RsaOaep,
      ua.SecurityPolicy.Aes256_Sha256_RsaPss,
    ],
  });
  await server.initialize();
  const variables = build(server.engine.addressSpace);
  await server.start();
  return { server, variables };
}

function build(space) {
  const own = space.registerNamespace("http://example.com/peer");
  const di = space.getNamespaceIndex("http://opcfoundation.org/UA/DI/");
  const devices = space.rootFolder.objects.getFolderElementByName("DeviceSet", di)
    ?? space.findNode(`ns=${di};i=5001`);
  const plate = {
    Manufacturer: [DataType.LocalizedText, { text: "Example Peers", locale: "en" }],
    Model: [DataType.LocalizedText, { text: "P-100" }],
    ProductCode: [DataType.String, "P100-7"],
    SerialNumber: [DataType.String, "SN 0815"],
    HardwareRevision: [DataType.String, "B"],
    SoftwareRevision: [DataType.String, "9.8.7"],
    DeviceRevision: [DataType.String, "1"],
    DeviceManual: [DataType.String, "manual"],
    RevisionCounter: [DataType.Int32, 5],
  };
  const type = own.addObjectType({
    browseName: "PeerType",
    subtypeOf: space.findObjectType("DeviceType", di),
  });
  const device = type.instantiate({
    browseName: "Peer1",
    namespace: own,
    componentOf: devices,
    optionals: ["ParameterSet", ...Object.keys(plate)],
  });
  for (const [name, [dataType, value]] of Object.entries(plate)) {
    device.getPropertyByName(name, di).setValueFromSource({ dataType, value });
  }
  const parameters = device.getComponentByName("ParameterSet", di);
  const variables = new Map();
  const add = (name, dataType, options = {}) => {
    const variable = own.addVariable({
      browseName: name,
      nodeId: `s=${name}`,
      componentOf: parameters,
      dataType,
      minimumSamplingInterval: 1000,
      ...options,
    });
    variables.set(name, variable);
    return variable;
  };
  const kinds = ["Boolean", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64",
    "Float", "Double", "String", "DateTime", "Guid", "ByteString", "LocalizedText"];
  for (const kind of kinds) {
    add(kind, DataType[kind]);
    add(`${kind}s`, DataType[kind], { valueRank: 1 });
  }
  add("Matrix", DataType.Double, { valueRank: 2, arrayDimensions: [2, 3] });
  add("Locked", DataType.Double, { accessLevel: "CurrentRead", userAccessLevel: "CurrentRead" });
  add("Hidden", DataType.Double, { userAccessLevel: "CurrentWrite" });
  const space_ = space.getNamespaceIndex(RECIPE);
  const recipe = space.findDataType("Recipe", space_);
  add("Recipe", recipe.nodeId);
  add("Recipes", recipe.nodeId, { valueRank: 1 });
  const speed = own.addAnalogDataItem({
    browseName: "Speed",
    nodeId: "s=Speed",
    componentOf: device,
    dataType: DataType.Double,
    definition: "",
    engineeringUnitsRange: { low: -10, high: 110 },
    engineeringUnits: ua.standardUnits.revolutions_per_minute ?? ua.standardUnits.hertz,
    value: { dataType: DataType.Double, value: 0 },
  });
  variables.set("Speed", speed);
  variables.set("file", addFile(space, own, device));
  // Numeric ids that a restart may give anew, and a loop.
  own.addObject({ browseName: "Numbered", organizedBy: device });
  device.addReference({ referenceType: "Organizes", nodeId: devices });
  return variables;
}

function addFile(space, own, parent) {
  const file = { content: Buffer.alloc(0), open: new Map(), next: 1 };
  const node = space.findObjectType("FileType").instantiate({
    browseName: "Program.bin",
    nodeId: "s=Program.bin",
    namespace: own,
    componentOf: parent,
  });
  const good = (...outputArguments) => ({ statusCode: StatusCodes.Good, outputArguments });
  const bind = (name, run) => node.getMethodByName(name).bindMethod(
    (given, _context, done) => done(null, run(...given.map((each) => each.value))),
  );
  bind("Open", (mode) => {
    if (mode !== 1) return { statusCode: StatusCodes.BadNotWritable };
    file.open.set(file.next, 0);
    return good({ dataType: DataType.UInt32, value: file.next++ });
  });
  bind("Read", (handle, length) => {
    if (!file.open.has(handle)) return { statusCode: StatusCodes.BadInvalidArgument };
    const at = file.open.get(handle);
    const piece = file.content.subarray(at, at + Math.min(length, 10_000));
    file.open.set(handle, at + piece.length);
    return good({ dataType: DataType.ByteString, value: piece });
  });
  bind("Close", (handle) => (file.open.delete(handle) ? good() : { statusCode: StatusCodes.BadInvalidArgument }));
  node.getPropertyByName("Size").bindVariable({
    get: () => new ua.Variant({
      dataType: DataType.UInt64, arrayType: VariantArrayType.Scalar, value: [0, file.content.length],
    }),
  }, true);
  return file;
}

function variantOf(type, value) {
  const dataType = DataType[type];
  const one = (each) => {
    if (type === "DateTime") return new Date(each);
    if (type === "ByteString") return Buffer.from(each, "base64");
    return each;
  };
  if (!Array.isArray(value) || (/^U?Int64$/.test(type) && typeof value[0] === "number")) {
    return { dataType, arrayType: VariantArrayType.Scalar, value: one(value) };
  }
  return { dataType, arrayType: VariantArrayType.Array, value: value.map(one) };
}

// The other way round.
function shown(value) {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (value instanceof Date) return value.toISOString();
  if (value instanceof ua.LocalizedText) return [value.text, value.locale ?? null];
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (Array.isArray(value)) return value.map(shown);
  return value?.toJSON ? value.toJSON() : value;
}

function extension(space, recipe) {
  const type = space.findDataType("Recipe", space.getNamespaceIndex(RECIPE));
  return space.constructExtensionObject(type, { ...recipe, Released: new Date(recipe.Released) });
}

const answer = (what) => process.stdout.write(JSON.stringify(what) + "\n");
let peer;
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const space = peer?.server.engine.addressSpace;
  if (order.start) {
    peer = await start(order.start);
    const port = peer.server.endpoints[0].port;
    answer({ port, certificate: peer.server.certificateFile });
    continue;
  }
  if (order.get) {
    answer({ value: shown(peer.variables.get(order.get).readValue().value.value) });
    continue;
  }
  if (order.matrix) {
    peer.variables.get("Matrix").setValueFromSource({
      dataType: DataType.Double, arrayType: VariantArrayType.Matrix, dimensions: [2, 3], value: new Float64Array(order.matrix),
    });
  } else if (order.recipe) {
    const value = extension(space, order.recipe);
    peer.variables.get("Recipe").setValueFromSource({ dataType: DataType.ExtensionObject, value });
  } else if (order.recipes) {
    const value = order.recipes.map((each) => extension(space, each));
    peer.variables.get("Recipes").setValueFromSource({
      dataType: DataType.ExtensionObject, arrayType: VariantArrayType.Array, value,
    });
  } else if (order.file !== undefined) {
    peer.variables.get("file").content = Buffer.from(order.file, "base64");
  } else {
    const { set, type, value, status } = order;
    const variant = status ? { dataType: DataType.Null } : variantOf(type, value);
    peer.variables.get(set).setValueFromSource(variant, StatusCodes[status ?? "Good"]);
  }
  answer({});
}
await peer?.server.shutdown(0);
process.exit(0);
