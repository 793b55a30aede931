// The yardstick: React Flow with a card of the same size, and nothing else.

import "@xyflow/react/dist/style.css";

import { Handle, Position, ReactFlow, useEdgesState, useNodesState } from "@xyflow/react";
import { createRoot } from "react-dom/client";

const Card = ({ data }) => (
  <div className="bare-card"><Handle type="target" position={Position.Left} />{data.state ?? ""} {data.title}<Handle type="source" position={Position.Right} /></div>
);
const NODE_TYPES = { card: Card };

function App({ graph }) {
  const [nodes, setNodes, onNodesChange] = useNodesState(graph.nodes);
  const [edges, , onEdgesChange] = useEdgesState(graph.edges);
  window.setStatuses = (steps) => setNodes((all) => all.map((node) => (steps[node.id] ? { ...node, data: { ...node.data, ...steps[node.id] } } : node)));
  return <ReactFlow nodes={nodes} edges={edges} onNodesChange={onNodesChange} onEdgesChange={onEdgesChange} nodeTypes={NODE_TYPES} panOnScroll minZoom={0.08} onInit={() => dispatchEvent(new Event("flow:ready"))} />;
}

fetch("graph.json").then((response) => response.json()).then((graph) => createRoot(document.getElementById("root")).render(<App graph={graph} />));
